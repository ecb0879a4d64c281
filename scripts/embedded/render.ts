/**
 * Draws the training set of the embedded model, the emoji of names.txt, for train.py:
 *
 *     deno run -A scripts/embedded/render.ts FOLDER [SIZE]
 *
 * Writes `names.json` (names in order) and `emoji.rgba` (a SIZE x SIZE image of 8-bit RGBA each).
 *
 * @module
 */
import { drawEmoji, words } from "./drawings.ts";

const folder = Deno.args[0] ?? ".embedded/data";
const size = Number(Deno.args[1] ?? 128);
const names = (await words("names.txt")).map((name) => name.replaceAll("-", " "));

const images = new Uint8Array(names.length * size * size * 4);
names.forEach((name, index) => {
  images.set(drawEmoji(name, size).data, index * size * size * 4);
});
await Deno.mkdir(folder, { recursive: true });
await Deno.writeFile(`${folder}/emoji.rgba`, images);
await Deno.writeTextFile(`${folder}/names.json`, JSON.stringify(names));
console.log(`${names.length} drawings of ${size} x ${size} in ${folder}`);
