/**
 * `deno task bench:batching [MODEL] [--device cuda] [--dtype float16] [--steps 20]`: whether it pays to draw the images
 * of several requests in one call, and whether they are the images that each request gets alone. Prints a row for
 * each size of a batch. Batches of requests are worth building where images a second rise and images stay.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Device, TorchDtype } from "@denoise/core";
import { DiffusionPipeline } from "@denoise/denoise";
import { machine } from "./page.ts";

const { values, positionals: [model = "denoise/emoji"] } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: "string", default: "cpu" },
    dtype: { type: "string", default: "float32" },
    steps: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
  },
});
const SIZES = [1, 2, 4, 8];
/** Other words than each other, as strangers' requests have. */
const PROMPTS = [
  "a red apple",
  "a blue car on a road",
  "a green tree",
  "a yellow sun",
  "a white house",
  "a black cat",
  "a brown dog in the snow",
  "a purple flower",
];

const pipe = await DiffusionPipeline.fromPretrained(model, {
  device: values.device as Device,
  torchDtype: values.dtype as TorchDtype,
  optimize: "speed",
  progress: false,
  onWarning: () => {}, // of words that a small model was not taught
});

async function draw(from: number, count: number): Promise<Uint8Array[]> {
  const indices = Array.from({ length: count }, (_, i) => from + i);
  const { images } = await pipe(indices.map((i) => PROMPTS[i]!), {
    numInferenceSteps: Number(values.steps),
    seed: from, // image i of a call is drawn from seed + i
  });
  return images.map(({ data }) => new Uint8Array(data));
}

/** Largest difference of a value of a pixel, of 255. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

const alone: Uint8Array[] = [];
for (const i of PROMPTS.keys()) alone.push((await draw(i, 1))[0]!);
console.log(`${model}, ${values.device}, ${values.dtype}, ${values.steps} steps; ${machine()}\n`);
console.log(
  "| images a call | images a second, median | of one at a time | largest difference of 255 |",
);
console.log("| ---: | ---: | ---: | ---: |");
let single = NaN;
for (const size of SIZES) {
  const together = await draw(0, size); // sessions for that size are made now
  const most = Math.max(...together.map((image, i) => difference(image, alone[i]!)));
  const rates: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const began = performance.now();
    await draw(0, size);
    rates.push(size / (performance.now() - began) * 1_000);
  }
  const rate = rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)]!;
  if (size === 1) single = rate;
  console.log(`| ${size} | ${rate.toFixed(2)} | ${(rate / single).toFixed(2)}x | ${most} |`);
}
await pipe.dispose();
