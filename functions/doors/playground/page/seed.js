import { $ } from "./dom.js";

/** A seed by chance, of 32 bits: short enough to be read out. */
export function randomSeed() {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]);
}

/** Puts a seed into the form, to stay there. */
export function lockSeed(seed) {
  $("seed").value = seed;
  $("lock").checked = true;
}

/** The seed of the next run: another one each time, while it is not locked. */
export function nextSeed() {
  const typed = $("seed").value.trim();
  if (typed === "" || !$("lock").checked) $("seed").value = randomSeed();
  return $("seed").value.trim();
}

/** The die draws a seed, and a seed that is typed is locked. */
export function wireSeed() {
  $("dice").onclick = () => $("seed").value = randomSeed();
  $("seed").oninput = () => $("lock").checked = $("seed").value.trim() !== "";
}
