/**
 * Measures the embedded model with the project's own pipeline, on the pairs of embedded/pairs.json
 * (200 names it was trained on, 50 pairs of name and background it never saw), with fixed seeds:
 *
 *     deno run -A scripts/embedded/evaluate.ts [--model FOLDER] [--guidance 3] [--steps 25] [--out FILE]
 *
 * An image is right when, of all drawings that the model was taught, laid on the same background,
 * the one it was asked for is the nearest: by the cosine of RGB means of 16 x 16 areas. Its
 * background is right when the median of its border is nearest to the colour that was asked for.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Image } from "@denoise/core";
import { StableDiffusionPipeline } from "../../mod.ts";
import { drawEmoji, type Drawing, onBackground, words } from "./drawings.ts";
import { areaMeans, borderColour, cosine, nearestColour } from "./likeness.ts";

/** A name and a background; white goes without saying in the prompt. */
type Pair = readonly [name: string, colour: string];

/** Shares of images, 0..1. */
interface Quality {
  readonly images: number;
  readonly top1: number;
  readonly top5: number;
  readonly background: number;
}

const BATCH = 25;
const SIZE = 128;
const root = new URL("../../", import.meta.url);
const { values } = parseArgs({
  options: {
    model: { type: "string" },
    guidance: { type: "string", default: "3" },
    steps: { type: "string", default: "25" },
    seed: { type: "string", default: "1000" },
    out: { type: "string" },
  },
});

const backgrounds = await json<Record<string, number[]>>("scripts/embedded/backgrounds.json");
const pairs = await json<{ seen: Pair[]; heldOut: Pair[] }>("scripts/embedded/pairs.json");
const drawings = new Map<string, Drawing>();
for (const word of await words("taught.txt")) {
  drawings.set(word.replaceAll("-", " "), drawEmoji(word, SIZE));
}
const known = new Map<string, Map<string, Float32Array>>();
const pipeline = await StableDiffusionPipeline.fromPretrained(
  values.model ?? new URL("plugins/embedded/emoji/", root),
);
const started = performance.now();
const report = {
  guidanceScale: Number(values.guidance),
  numInferenceSteps: Number(values.steps),
  seen: await quality(pairs.seen),
  heldOut: await quality(pairs.heldOut),
};
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify(report, undefined, 1));
console.log(`${(seconds / (pairs.seen.length + pairs.heldOut.length)).toFixed(2)} s an image`);
if (values.out !== undefined) {
  await Deno.writeTextFile(values.out, JSON.stringify(report, undefined, 1) + "\n");
}

/** Draws every pair, a batch at a time, and judges the images. */
async function quality(asked: readonly Pair[]): Promise<Quality> {
  let top1 = 0, top5 = 0, background = 0;
  for (let start = 0; start < asked.length; start += BATCH) {
    const some = asked.slice(start, start + BATCH);
    const { images } = await pipeline(some.map(phrase), {
      numInferenceSteps: Number(values.steps),
      guidanceScale: Number(values.guidance),
      seed: Number(values.seed) + start,
    });
    images.forEach((image: Image, index: number) => {
      const [name, colour] = some[index]!;
      const pixels = Float32Array.from(image.data, (value) => value / 255);
      const place = rank(pixels, name, colour);
      top1 += place < 1 ? 1 : 0;
      top5 += place < 5 ? 1 : 0;
      background += nearestColour(borderColour(pixels, SIZE), backgrounds) === colour ? 1 : 0;
    });
    console.log(
      `${start + some.length} of ${asked.length}: ${top1} right, ${top5} in the first five`,
    );
  }
  const share = (count: number) => Math.round(count / asked.length * 1000) / 1000;
  return {
    images: asked.length,
    top1: share(top1),
    top5: share(top5),
    background: share(background),
  };
}

/** How many drawings on that background are nearer to the image than the one it was asked for. */
function rank(image: Float32Array, name: string, colour: string): number {
  const made = areaMeans(image, SIZE, 16);
  const all = drawingsOn(colour);
  const asked = cosine(made, all.get(name)!);
  return [...all.values()].filter((drawing) => cosine(made, drawing) > asked).length;
}

/** What every drawing looks like on a background, by name; made once for each background. */
function drawingsOn(colour: string): Map<string, Float32Array> {
  let all = known.get(colour);
  if (all === undefined) {
    const look = (drawing: Drawing) =>
      areaMeans(onBackground(drawing, backgrounds[colour]!), SIZE, 16);
    all = new Map([...drawings].map(([name, drawing]) => [name, look(drawing)]));
    known.set(colour, all);
  }
  return all;
}

function phrase([name, colour]: Pair): string {
  if (colour === "white") return name;
  return `${name} on ${/^[aeiou]/.test(colour) ? "an" : "a"} ${colour} background`;
}

async function json<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(path, root)));
}
