/** Prompts to try, for models that ship with the project: the first row of their contact sheet. */
const EXAMPLES = {
  "denoise/emoji": [
    "red apple on a blue background",
    "two cats",
    "a cup of coffee",
    "blue rose",
    "three balloons on a yellow background",
    "cat and dog",
    "purple elephant",
    "rocket on a black background",
    "owl in flat style",
    "sunflower on a blue to white gradient",
  ],
};

/** Shows the prompts of a model as buttons; each puts itself into the form. */
export function showExamples(place, model, take) {
  const prompts = EXAMPLES[model] ?? [];
  place.hidden = prompts.length === 0;
  place.replaceChildren(...prompts.map((prompt) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = prompt;
    button.addEventListener("click", () => take(prompt));
    return button;
  }));
}
