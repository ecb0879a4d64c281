import { $ } from "./dom.js";

const NAME = "denoise-settings";

/** The inputs that are remembered; a seed only while it is locked. */
const INPUTS = [
  ...["prompt", "negative", "model", "width", "height", "seconds", "steps", "guidance", "count"],
  ...["lyrics", "scheduler", "syntax", "strength", "key"],
];

function read() {
  try {
    return JSON.parse(localStorage.getItem(NAME) ?? "{}");
  } catch {
    return {};
  }
}

function write(isOwn) {
  if (!$("remember").checked) return forget();
  const kept = Object.fromEntries(
    INPUTS.filter((id) => !isOwn(id)).map((id) => [id, $(id).value]),
  );
  if ($("lock").checked) kept.seed = $("seed").value;
  try {
    localStorage.setItem(NAME, JSON.stringify(kept));
  } catch {
    // a browser that keeps nothing for this page has none the next time
  }
}

/** Forgets everything. */
export function forget() {
  try {
    localStorage.removeItem(NAME);
  } catch {
    // there is nothing then
  }
}

/** Puts back what can be put back before it is known what the server has. */
export function recallKey() {
  $("key").value = read().key ?? "";
}

/**
 * Puts the fields back once models are known, and remembers them from now on.
 *
 * @param chooseModel Shows the fields of the model that is chosen.
 */
export function recallFields() {
  const { key: _, seed, ...kept } = read();
  for (const id of ["model", ...INPUTS]) {
    if (kept[id] === undefined || kept[id] === "") continue;
    const before = $(id).value;
    $(id).value = kept[id];
    if ($(id).selectedIndex < 0) $(id).value = before;
    if (id === "model") $(id).onchange();
  }
  if (seed !== undefined) {
    $("seed").value = seed;
    $("lock").checked = true;
  }
}

/**
 * Remembers the fields whenever one changes.
 *
 * @param isOwn Whether an input has what the model would do by itself: that may be another value the next time.
 */
export function remember(isOwn) {
  for (const kind of ["input", "change", "click"]) addEventListener(kind, () => write(isOwn));
}
