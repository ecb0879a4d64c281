import { $, make } from "./dom.js";

/** Says in one line what happens. */
export function say(text) {
  $("message").textContent = text;
}

/** Lists what the server has to say about the images, such as words that the model does not know. */
export function showNotes(notes) {
  $("notes").replaceChildren(...[...new Set(notes)].map((note) => make("li", {}, note)));
}
