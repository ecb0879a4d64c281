import { make } from "./dom.js";

/** Fills a place with boxes to tick; what was ticked stays so. */
export function showChecks(place, options) {
  const ticked = new Set(checked(place));
  place.replaceChildren(...options.map(({ value, text }) => {
    const box = make("input", { type: "checkbox", value, checked: ticked.has(value) });
    return make("label", { className: "check" }, box, ` ${text}`);
  }));
}

/** What is ticked. */
export function checked(place) {
  return [...place.querySelectorAll("input:checked")].map(({ value }) => value);
}
