/** Prompts to try, for models that ship with the project: out of their contact sheet. */
const EXAMPLES = {
  "denoise/emoji": [
    "red apple on a blue background",
    "cat face",
    "rocket on a black background",
    "panda on a green background",
    "robot on an orange background",
    "snowman on a blue background",
    "strawberry on a pink background",
    "birthday cake on a pink background",
    "unicorn on a purple background",
    "hamburger",
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
