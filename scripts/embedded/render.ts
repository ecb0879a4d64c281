/**
 * Draws the training set of the embedded model: the Fluent Emoji (flat, MIT, Microsoft) named in names.txt.
 *
 * Writes `names.json` (the captions' names, in order) and `emoji.rgba` (N pictures of SIZE x SIZE, 8-bit RGBA,
 * alpha not premultiplied) into a folder outside version control:
 *
 * ```sh
 * deno run -A scripts/embedded/render.ts OUT_FOLDER [SIZE]
 * ```
 *
 * @module
 */
import icons from "npm:@iconify-json/fluent-emoji-flat@1.2.6/icons.json" with { type: "json" };
import { Resvg } from "npm:@resvg/resvg-js@2.6.2";

const out = Deno.args[0] ?? ".embedded-data";
const size = Number(Deno.args[1] ?? 128);
const names = (await Deno.readTextFile(new URL("./names.txt", import.meta.url))).split(/\s+/)
  .filter((name) => name !== "");

const pictures = new Uint8Array(names.length * size * size * 4);
names.forEach((name, index) => {
  const icon = (icons.icons as Record<string, { body: string } | undefined>)[name];
  if (icon === undefined) {
    throw new Error(`names.txt names ${name}, which @iconify-json/fluent-emoji-flat does not hold`);
  }
  // One unit of margin on every side, so that no drawing touches the border of the picture.
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 34 34">${icon.body}</svg>`;
  const drawing = new Resvg(svg, { fitTo: { mode: "width", value: size } }).render();
  pictures.set(unpremultiply(drawing.pixels), index * size * size * 4);
});

await Deno.mkdir(out, { recursive: true });
await Deno.writeFile(`${out}/emoji.rgba`, pictures);
await Deno.writeTextFile(
  `${out}/names.json`,
  JSON.stringify(names.map((name) => name.replaceAll("-", " "))),
);
console.log(`${names.length} drawings of ${size} x ${size} in ${out}`);

/** resvg gives colours multiplied by alpha; compositing on other backgrounds wants them plain. */
function unpremultiply(pixels: Uint8Array): Uint8Array {
  const plain = new Uint8Array(pixels);
  for (let i = 0; i < plain.length; i += 4) {
    const alpha = plain[i + 3]!;
    for (let c = 0; c < 3 && alpha > 0; c++) {
      plain[i + c] = Math.min(255, Math.round(plain[i + c]! * 255 / alpha));
    }
  }
  return plain;
}
