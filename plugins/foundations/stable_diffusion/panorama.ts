import {
  type CallOptions,
  Generator,
  type GeneratorInput,
  type ImageSize,
  type StepOptions,
  type StepOutput,
  Tensor,
} from "@denoise/core";
import type { Autoencoder, ImageDecodeOptions } from "@denoise/roles";
import {
  checkPrompts,
  decodeLatents,
  type Family,
  guidanceScaleEmbedding,
  latentDims,
  type LatentOptions,
  predictGuided,
  retrieveTimesteps,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { UNetControl } from "./control_nets.ts";
import { encodeText } from "./encode_text.ts";
import { conditionOnImages, type ImagePromptOptions } from "./image_prompt.ts";
import type { SdModels } from "./sd.ts";
import { sdSize } from "./stable_diffusion.ts";
import type { GuidanceOptions } from "./text_conditioning.ts";
import { predictByUNet, type UNetConditioning } from "./unet.ts";

/** Options of a call that makes one large image of views that overlap. */
export interface PanoramaOptions {
  /** How many views the UNet is called with at once; the image is the same. Defaults to 1. */
  readonly viewBatchSize?: number | undefined;
  /** Whether left and right edge meet, as in an image of all directions. Defaults to false. */
  readonly circularPadding?: boolean | undefined;
}

/** The declarations of {@linkcode PanoramaOptions}. */
export const panoramaOptions: CallOptions<PanoramaOptions> = {
  viewBatchSize: { type: "integer", minimum: 1, cost: "images" },
  circularPadding: { type: "boolean" },
};

/** Side of a view and distance of one from the next, in latents. */
const [WINDOW, STRIDE] = [64, 8];

/** A rectangle of latents: rows from `top` to `bottom`, columns in one or, across the edge, two pieces. */
interface View {
  readonly top: number;
  readonly bottom: number;
  readonly columns: readonly (readonly [from: number, to: number])[];
}

/**
 * MultiDiffusion with Stable Diffusion 1.x and 2.x: views of 64x64 latents are stepped one by one, and where they
 * overlap the latents are their mean. Bar-Tal et al., "MultiDiffusion: Fusing Diffusion Paths for Controlled Image
 * Generation" (arXiv:2302.08113), equation 5.
 */
export const panorama: Family<
  SdModels,
  LatentOptions & PanoramaOptions & GuidanceOptions & ImagePromptOptions,
  UNetControl
> = {
  name: "stable-diffusion-panorama",
  size({ unet, vae }, given) {
    const size = sdSize({ unet, vae }, given);
    checkViews(vae, size.width, given.circularPadding === true);
    return size;
  },
  async encode(run, prompt, options) {
    checkPrompts(prompt, options);
    const { unet, tokenizer, textEncoder, vae } = run.components;
    const { guidanceScale = 7.5, viewBatchSize = 1, circularPadding = false } = options;
    const guidance = guidanceScale > 1; // of latent consistency models, too
    const encoder = { tokenizer, textEncoder, warn: run.warn };
    const texts = await encodeText(encoder, prompt, guidance, options);
    const { promptEmbeds, negativePromptEmbeds } = texts;
    const count = promptEmbeds.dims[0]!;
    const images = await conditionOnImages(run.components, options, { count, guidance: false });
    const width = unet.config.time_cond_proj_dim;
    const scale = width === null
      ? undefined
      : guidanceScaleEmbedding(guidanceScale - 1, count, width);
    /** What the rows of so many views are given, without guidance and with it. */
    const conditioning = (views: number): UNetConditioning => {
      const rows = (x: Tensor) => x.repeat([views, ...x.dims.slice(1).map(() => 1)]);
      const both = (x: Tensor) => guidance ? Tensor.cat([rows(x), rows(x)]) : rows(x);
      return {
        encoderHiddenStates: guidance
          ? Tensor.cat([rows(negativePromptEmbeds!), rows(promptEmbeds)])
          : rows(promptEmbeds),
        timestepCond: scale && both(scale),
        imageEmbeds: images.imageEmbeds?.map(both),
        imageStates: images.imageStates?.map((x) => x && both(x)),
        imageMasks: images.imageMasks,
        signal: options.signal,
      };
    };
    return {
      count,
      facts: { guidanceScale, viewBatchSize, circularPadding, promptSyntax: options.promptSyntax },
      decode: circularPadding ? decodeCircular : undefined,
      denoiser: () => predictByUNet(unet, conditioning(1), { guidance, guidanceScale }),
      stepper({ size, scheduler, settings }) {
        const views = viewsOf(vae, size, circularPadding);
        const batches = Array.from(
          { length: Math.ceil(views.length / viewBatchSize) },
          (_, i) => views.slice(i * viewBatchSize, (i + 1) * viewBatchSize),
        );
        const given = new Map(batches.map(({ length }) => [length, conditioning(length)]));
        // each batch steps by itself, as methods with a memory need
        const schedulers = batches.map(() => {
          const own = scheduler.clone();
          retrieveTimesteps(own, options);
          return own;
        });
        return async (latents, timestep) => {
          const stepped: StepOutput[] = [];
          for (const [i, batch] of batches.entries()) {
            const sample = Tensor.cat(batch.map((view) => cut(latents, view)));
            const output = await predictGuided(
              { guidance, guidanceScale },
              schedulers[i]!.scaleModelInput(sample, timestep),
              (input) => unet.forward(input, timestep, given.get(batch.length)!),
            );
            const generator = generatorOf(settings, batch.length);
            stepped.push(schedulers[i]!.step(output, timestep, sample, { ...settings, generator }));
          }
          const pieces = (of: (step: StepOutput) => Tensor | undefined) =>
            stepped.flatMap((step, i) => of(step)?.chunk(batches[i]!.length) ?? []);
          const clean = pieces((step) => step.predOriginalSample);
          return {
            prevSample: meanOf(latents.dims, views, pieces((step) => step.prevSample)),
            predOriginalSample: clean.length === views.length
              ? meanOf(latents.dims, views, clean)
              : undefined,
          };
        };
      },
    };
  },
};

/** Pixels of a latent, as far as diffusers' class knows: it lays out the views for 8 with any autoencoder. */
const FACTOR = 8;
/** Columns of latents of the other edge that are decoded beside each edge where they meet. */
const PADDING = 8;

function checkViews(vae: Autoencoder, width: number, circular: boolean): void {
  const factor = vaeScaleFactor(vae);
  if (factor > FACTOR) {
    throw new RangeError(
      `Cannot lay out views over latents of ${factor}x${factor} pixels: the autoencoder must have at most ${FACTOR}x${FACTOR}`,
    );
  }
  if (!circular || width >= PADDING * factor) return;
  throw new RangeError(
    `Cannot join the edges of an image ${width} pixels wide: circularPadding needs at least ${
      PADDING * factor
    }`,
  );
}

/** The views of an image, row by row; those of the last columns go on at the left edge where edges meet. */
function viewsOf(vae: Autoencoder, size: ImageSize, circular: boolean): View[] {
  const [, , height, width] = latentDims(vae, 1, size);
  const blocks = (side: number, window: number) =>
    side / FACTOR > WINDOW ? Math.floor((side / FACTOR - window) / STRIDE) + (window && 1) : 1;
  const across = blocks(size.width, circular ? 0 : WINDOW);
  return Array.from({ length: blocks(size.height, WINDOW) * across }, (_, i) => {
    const top = Math.floor(i / across) * STRIDE;
    const from = (i % across) * STRIDE;
    const beyond = circular ? Math.min(from + WINDOW - width, width) : 0;
    return {
      top,
      bottom: Math.min(top + WINDOW, height),
      columns: [
        [from, Math.min(from + WINDOW, width)],
        ...(beyond > 0 ? [[0, beyond] as const] : []),
      ],
    };
  });
}

/** The latents of a view, float32 [N, C, rows, columns]. */
function cut(latents: Tensor, { top, bottom, columns }: View): Tensor {
  const rows = latents.slice(2, top, bottom);
  return Tensor.cat(columns.map(([from, to]) => rows.slice(3, from, to)), 3);
}

/** Where noise comes from for so many views of each image, one after the other. */
function generatorOf({ generator }: StepOptions, views: number): GeneratorInput | undefined {
  if (generator === undefined || generator instanceof Generator) return generator;
  return generator.length === 1 ? generator[0] : Array(views).fill(generator).flat();
}

/** The mean of all views at each latent; zero where there is none. */
function meanOf(
  dims: readonly number[],
  views: readonly View[],
  pieces: readonly Tensor[],
): Tensor {
  const [count, channels, height, width] = dims as [number, number, number, number];
  const planes = count * channels;
  const sums = new Float32Array(planes * height * width);
  const shares = new Float32Array(height * width);
  for (const [i, { top, bottom, columns }] of views.entries()) {
    const piece = pieces[i]!.toFloat32Array();
    const places = columns.flatMap(([from, to]) =>
      Array.from({ length: to - from }, (_, x) => from + x)
    );
    let at = 0;
    for (let plane = 0; plane < planes; plane++) {
      for (let y = top; y < bottom; y++) {
        for (const x of places) {
          sums[(plane * height + y) * width + x]! += piece[at++]!;
          if (plane === 0) shares[y * width + x]! += 1;
        }
      }
    }
  }
  const area = shares.length;
  for (let i = 0; i < sums.length; i++) {
    const share = shares[i % area]!;
    if (share > 0) sums[i]! /= share;
  }
  return new Tensor("float32", sums, dims);
}

/** Decodes latents with those of the other edge beside each edge, which are cut off again. */
async function decodeCircular(
  vae: Autoencoder,
  latents: Tensor,
  options?: ImageDecodeOptions,
): Promise<Tensor> {
  const width = latents.dims[3]!;
  const left = latents.slice(3, 0, PADDING);
  const right = latents.slice(3, width - PADDING);
  const images = await decodeLatents(vae, Tensor.cat([right, latents, left], 3), options);
  const margin = PADDING * vaeScaleFactor(vae);
  return images.slice(3, margin, images.dims[3]! - margin);
}
