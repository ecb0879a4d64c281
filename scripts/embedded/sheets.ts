/**
 * Draws the sheets of the embedded model's card: seeds, schedulers, guidance scales, image to image and inpainting.
 *
 *     deno run -A scripts/embedded/sheets.ts [--model FOLDER] [--out FOLDER] [seeds] [schedulers] [guidance] [img2img] [inpainting]
 *
 * Without names all of them. What each row and column is stands in `sheets` below; the card says it too.
 *
 * @module
 */
import { parseArgs } from "node:util";
import {
  DDIMScheduler,
  DenoiseImage,
  DPMSolverMultistepScheduler,
  EulerAncestralDiscreteScheduler,
  EulerDiscreteScheduler,
  HeunDiscreteScheduler,
  imageGrid,
  LCMScheduler,
  StableDiffusionImg2ImgPipeline,
  StableDiffusionInpaintPipeline,
  StableDiffusionPipeline,
  UniPCMultistepScheduler,
} from "@denoise/denoise";

const SIZE = 128;
const root = new URL("../../", import.meta.url);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: "string" }, out: { type: "string" } },
});
const model = values.model ?? new URL("plugins/embedded/emoji/", root);
const out = values.out ?? new URL("docs/images/emoji", root).pathname;

const text = await StableDiffusionPipeline.fromPretrained(model);
const drawOne = async (prompt: string, options: Parameters<typeof text>[1]) =>
  (await text(prompt, options)).images[0] as DenoiseImage;

/** Rows of images by the name of their sheet. */
const sheets: Readonly<Record<string, () => Promise<DenoiseImage[][]>>> = {
  /** A prompt a row, eight seeds. */
  seeds: () =>
    table(
      ["cat", "red apple", "house", "dragon", "two flowers", "robot on a blue background"],
      [0, 1, 2, 3, 4, 5, 6, 7],
      (prompt, seed) => drawOne(prompt, { seed }),
    ),
  /** A prompt a row, seven schedulers at four steps: few enough that they differ. */
  schedulers: () =>
    table(
      ["owl", "guitar on an orange background", "birthday cake"],
      [
        DDIMScheduler,
        EulerDiscreteScheduler,
        EulerAncestralDiscreteScheduler,
        HeunDiscreteScheduler,
        DPMSolverMultistepScheduler,
        UniPCMultistepScheduler,
        LCMScheduler,
      ],
      async (prompt, Scheduler) => {
        const scheduler = text.scheduler;
        text.scheduler = Scheduler.fromConfig(scheduler.config);
        const image = await drawOne(prompt, { seed: 3, numInferenceSteps: 4 });
        text.scheduler = scheduler;
        return image;
      },
    ),
  /** A prompt a row, guidance scales of 1 to 15. */
  guidance: () =>
    table(
      ["fox", "castle", "three strawberries on a yellow background"],
      [1, 1.5, 2.25, 3, 5, 7.5, 10, 15],
      (prompt, guidanceScale) => drawOne(prompt, { seed: 1, guidanceScale }),
    ),
  /** A drawing, and what is made of it at rising denoising strengths. */
  img2img: async () => {
    const pipeline = await StableDiffusionImg2ImgPipeline.fromPretrained(model);
    return await Promise.all(
      ([["red apple", "green apple"], ["cat", "tiger face"], ["sun", "sunflower"]] as const).map(
        async ([from, to]) => {
          const image = await drawOne(from, { seed: 3 });
          const row = [image];
          for (const strength of [0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 1]) {
            const made = await pipeline(to, { image, strength, seed: 3, numInferenceSteps: 25 });
            row.push(made.images[0] as DenoiseImage);
          }
          return row;
        },
      ),
    );
  },
  /** A drawing, the mask, and other things in its white part. */
  inpainting: async () => {
    const pipeline = await StableDiffusionInpaintPipeline.fromPretrained(model);
    const image = await drawOne("cat and dog", { seed: 4 });
    const maskImage = half();
    const row = [image, maskImage];
    for (const other of ["rabbit", "apple", "robot", "penguin", "balloon", "tree"]) {
      const made = await pipeline(`cat and ${other}`, { image, maskImage, strength: 1, seed: 2 });
      row.push(made.images[0] as DenoiseImage);
    }
    return [row];
  },
};

await Deno.mkdir(out, { recursive: true });
for (const name of positionals.length > 0 ? positionals : Object.keys(sheets)) {
  const draw = sheets[name];
  if (draw === undefined) {
    throw new TypeError(`There is no sheet ${name}; sheets: ${Object.keys(sheets).join(", ")}`);
  }
  const rows = await draw();
  await imageGrid(rows.flat(), rows.length, rows[0]!.length).save(`${out}/${name}.webp`);
  console.log(`${rows.length} rows of ${rows[0]!.length} in ${out}/${name}.webp`);
}

async function table<R, C>(
  rows: readonly R[],
  columns: readonly C[],
  draw: (row: R, column: C) => Promise<DenoiseImage>,
): Promise<DenoiseImage[][]> {
  const made: DenoiseImage[][] = [];
  for (const row of rows) {
    made.push([]);
    for (const column of columns) made.at(-1)!.push(await draw(row, column));
  }
  return made;
}

/** A mask whose right half is white. */
function half(): DenoiseImage {
  const data = new Uint8Array(SIZE * SIZE * 3);
  for (let i = 0; i < data.length; i++) if (Math.floor(i / 3) % SIZE >= SIZE / 2) data[i] = 255;
  return new DenoiseImage(SIZE, SIZE, 3, data);
}
