/** Prompts to try, for models that ship with the project: out of their contact sheet. */
const EXAMPLES = {
  "denoise/emoji": [
    "red apple on a blue background",
    "two cats",
    "rocket on a black background",
    "purple elephant",
    "four strawberries on a pink background",
    "burger and fries",
    "sunflower on a blue to white gradient",
    "pizza on a red and white striped background",
    "unicorn on a pink background",
    "guitar on an orange background",
    "angry",
    "dinosaur",
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
