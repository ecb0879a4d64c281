/**
 * Draws the training set of the embedded model for train.py:
 *
 *     deno run -A scripts/embedded/render.ts [FOLDER]
 *
 * Writes `concepts.json` (what is taught, with the index of its drawing in each style), `unknown.json` (words
 * that are not), `near.json` (which of those mean nearly what) and `sprites.rgba` (128 x 128 of 8-bit RGBA each, colours multiplied by alpha).
 *
 * @module
 */
import { concepts, nearWords, unknownWords } from "./concepts.ts";
import { drawEmoji, styles } from "./drawings.ts";

const SIZE = 128;
const folder = Deno.args[0] ?? ".embedded/data";
await Deno.mkdir(folder, { recursive: true });
const file = await Deno.create(`${folder}/sprites.rgba`);
const writer = file.writable.getWriter();
const taught = concepts();
const table = [];
let count = 0;
for (const concept of taught) {
  const sprites: Record<string, number> = {};
  for (const style of styles) {
    const drawing = drawEmoji(concept.code, style, SIZE);
    if (drawing === undefined) continue;
    await writer.write(drawing.data);
    sprites[style] = count++;
  }
  if (Object.keys(sprites).length > 0) table.push({ ...concept, sprites });
}
await writer.close();
await Deno.writeTextFile(`${folder}/concepts.json`, JSON.stringify(table));
await Deno.writeTextFile(`${folder}/unknown.json`, JSON.stringify(unknownWords(taught)));
await Deno.writeTextFile(`${folder}/near.json`, JSON.stringify(nearWords(taught)));
console.log(`${table.length} concepts, ${count} drawings of ${SIZE} x ${SIZE} in ${folder}`);
