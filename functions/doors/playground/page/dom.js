/** The element of that id. */
export const $ = (id) => document.getElementById(id);

/** Makes an element with these properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Makes a button that does something. */
export function button(text, onclick, properties = {}) {
  return make("button", { type: "button", onclick, ...properties }, text);
}

/** Whether a dialog is open, which then has the keyboard. */
export const hasDialog = () => document.querySelector("dialog[open]") !== null;

/** Brings an element into view, without motion for those who ask for none. */
export function bringIntoView(element, block = "start") {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block, behavior: still ? "instant" : "smooth" });
}
