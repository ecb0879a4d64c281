import { showExamples } from "./examples.js";

const $ = (id) => document.getElementById(id);

function numberOf(id) {
  const { value } = $(id);
  return value === "" ? undefined : Number(value);
}

/** What the form says, as fields of the images routes; empty ones are left to the model. */
export function readForm() {
  const seed = $("seed").value.trim();
  const fields = {
    prompt: $("prompt").value,
    negative_prompt: $("negative").value || undefined,
    model: $("model").value || undefined,
    n: numberOf("count"),
    num_inference_steps: numberOf("steps"),
    guidance_scale: numberOf("guidance"),
    seed: seed === "" ? undefined : seed,
    size: $("size").value || undefined,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The schedulers that are chosen; one undefined for the model's own. */
export function readSchedulers() {
  const chosen = [...$("schedulers").selectedOptions].map(({ value }) => value || undefined);
  return chosen.length === 0 ? [undefined] : chosen;
}

/** Fills models and limits in, and the schedulers of the model that is chosen. */
export function showCapabilities({ models, limits }) {
  const keep = $("model").value;
  $("model").replaceChildren(...models.map(({ id }) => new Option(id, id)));
  if (keep !== "") $("model").value = keep;
  const showSchedulers = () => {
    const { schedulers, defaults = {} } = models.find(({ id }) => id === $("model").value);
    $("steps").placeholder = String(defaults.steps ?? "");
    $("guidance").placeholder = String(defaults.guidanceScale ?? "");
    showExamples($("examples"), $("model").value, (prompt) => $("prompt").value = prompt);
    $("schedulers").replaceChildren(
      new Option("the model's own", "", true, true),
      ...schedulers.map((id) => new Option(id.replace(/Scheduler$/, ""), id)),
    );
  };
  $("model").onchange = showSchedulers;
  showSchedulers();
  $("steps").max = limits.steps;
  $("count").max = limits.images;
}

/** Puts an image's recipe into the form. */
export function showRecipe(recipe) {
  const put = (id, value) => {
    if (value !== undefined && value !== null) $(id).value = String(value);
  };
  put("prompt", recipe.prompt ?? "");
  put("negative", recipe.negativePrompt ?? "");
  put("seed", recipe.seed);
  put("steps", recipe.steps);
  put("guidance", recipe.guidanceScale);
  if (recipe.width && recipe.height) put("size", `${recipe.width}x${recipe.height}`);
  for (const option of $("schedulers").options) option.selected = option.value === recipe.scheduler;
}
