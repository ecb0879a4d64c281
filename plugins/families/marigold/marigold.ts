import {
  type Image,
  type JsonObject,
  type PipelineRun,
  type PipelineStep,
  randnTensor,
  type Recipe,
  Tensor,
} from "@denoise/core";
import {
  type BatchNoise,
  batchNoise,
  finishStep,
  retrieveTimesteps,
  stepOptions,
  toImages,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { MarigoldComponents, MarigoldOutput } from "./components.ts";
import type { Ensembled } from "./ensemble.ts";
import type { MarigoldOptions } from "./options.ts";
import { preparePhotos, resizePrediction } from "./photo.ts";

/** What one of Marigold's pipelines predicts. */
export interface MarigoldKind<O> {
  /** Decoded latents, float32 [N, 3, H, W] in about -1..1, as a prediction, float32 [N, C, H, W]. */
  readonly read: (decoded: Tensor, settings: JsonObject) => Tensor;
  /** Brings predictions of one photo together, float32 [E, C, H, W]. */
  readonly ensemble: (predictions: Tensor, options: O, settings: JsonObject) => Ensembled;
  /** Mends predictions that were resized. Defaults to leaving them as they are. */
  readonly resized?: (prediction: Tensor) => Tensor;
  /** Images of the predictions of photos, float32 [M, 3, H, W] in 0..1. */
  readonly show: (prediction: Tensor, settings: JsonObject) => Tensor;
}

/** A call of a Marigold pipeline. */
export type MarigoldRun = PipelineRun<MarigoldComponents>;

/** A call of one of Marigold's pipelines. */
export async function* predict<O extends MarigoldOptions>(
  run: MarigoldRun,
  options: O,
  kind: MarigoldKind<O>,
): AsyncGenerator<PipelineStep, MarigoldOutput> {
  const { vae, unet, scheduler } = run.components;
  const { ensembleSize = 1, batchSize = 1, resampleMethodInput = "bilinear" } = options;
  const { resampleMethodOutput = "bilinear", matchInputResolution = true } = options;
  const { outputType, outputUncertainty = false, outputLatent = false } = options;
  const factor = vaeScaleFactor(vae);
  const { steps, resolution } = settled(run.settings, options);
  check(run, options, { resolution, factor });

  const codec = await run.images();
  const photos = await preparePhotos(
    codec,
    options.image,
    resolution,
    resampleMethodInput,
    factor,
  );
  const count = photos.images.dims[0]! * ensembleSize;
  const noise = batchNoise(count, options);
  const text = await emptyText(run);
  const scale = vae.config.scaling_factor;
  const encoded = await inBatches(
    photos.images,
    batchSize,
    async (images) => (await vae.encode(images)).latentDist.mode(),
  );
  const seen = encoded.mul(scale).repeatInterleave(ensembleSize, 0); // [N, C, h, w]
  const start = firstLatents(run, options, seen, noise);

  const targets = start.dims[1]! / vae.config.latent_channels;
  const inner = (x: Tensor) => x.slice(2, 0, photos.inner.height).slice(3, 0, photos.inner.width);
  const decoded = async (latents: Tensor): Promise<Tensor> => {
    const [rows, channels, height, width] = latents.dims as [number, number, number, number];
    const dims = [rows * targets, channels / targets, height, width];
    const each = latents.reshape(dims).div(scale);
    const images = await inBatches(
      each,
      batchSize,
      async (part) => (await vae.decode(part)).sample,
    );
    return inner(kind.read(images, run.settings));
  };
  const facts = { steps, ensembleSize, processingResolution: resolution };
  const recipe = (i: number): Recipe => ({ seed: noise.seedOf(i)?.toString(), ...facts });
  const shown = (prediction: Tensor): Promise<Image[]> =>
    toImages(run, truncated(kind.show(prediction, run.settings)), recipe);

  const total = Math.ceil(count / batchSize) *
    retrieveTimesteps(scheduler, { numInferenceSteps: steps }).length;
  const ends: Tensor[] = [];
  let index = 0;
  for (let at = 0; at < count; at += batchSize) {
    let latents = start.slice(0, at, at + batchSize);
    const image = seen.slice(0, at, at + batchSize);
    const encoderHiddenStates = text.repeat([latents.dims[0]!, 1, 1]);
    const settings = stepOptions(scheduler, noiseOf(noise, options, at, latents.dims[0]!));
    for (const timestep of retrieveTimesteps(scheduler, { numInferenceSteps: steps })) {
      const { sample } = await unet.forward(Tensor.cat([image, latents], 1), timestep, {
        encoderHiddenStates,
        signal: options.signal,
      });
      const stepped = scheduler.step(sample, timestep, latents, settings);
      const step = {
        ...{ index: index++, total, timestep, latents: stepped.prevSample },
        denoised: stepped.predOriginalSample,
        preview: async () => await shown(await decoded(stepped.prevSample)),
      };
      yield step;
      latents = await finishStep(step, options);
    }
    ends.push(latents);
  }

  const latent = Tensor.cat(ends);
  const all = await decoded(latent); // [photos · E · targets, C, H, W]
  const one = together(
    all,
    { ensembleSize, targets },
    (group) => kind.ensemble(group, options, run.settings),
  );
  const fitted = (x: Tensor) =>
    matchInputResolution ? resizePrediction(x, photos.original, resampleMethodOutput) : x;
  const whole = fitted(one.prediction);
  const prediction = matchInputResolution ? kind.resized?.(whole) ?? whole : whole;
  return {
    images: outputType === "tensor" ? [] : await shown(prediction),
    prediction,
    ...(outputUncertainty ? { uncertainty: fitted(one.uncertainty!) } : {}),
    ...(outputLatent ? { latent } : {}),
  };
}

/** What a call leaves to the repo. */
function settled(settings: JsonObject, options: MarigoldOptions) {
  const known = (given: number | undefined, key: string, option: string): number => {
    const value = given ?? settings[key];
    if (typeof value === "number") return value;
    throw new RangeError(
      `Cannot run without ${option}: model_index.json has no ${key}; give ${option} in the call`,
    );
  };
  return {
    steps: known(options.numInferenceSteps, "default_denoising_steps", "numInferenceSteps"),
    resolution: known(
      options.processingResolution,
      "default_processing_resolution",
      "processingResolution",
    ),
  };
}

function check(
  { components: { unet, vae }, warn }: MarigoldRun,
  { ensembleSize = 1, outputUncertainty = false, latents, seed, generator }: MarigoldOptions,
  { resolution, factor }: { readonly resolution: number; readonly factor: number },
): void {
  const { in_channels, out_channels } = unet.config;
  const { latent_channels } = vae.config;
  if (out_channels % latent_channels !== 0 || in_channels !== out_channels + latent_channels) {
    throw new RangeError(
      `Cannot predict with a UNet of ${in_channels} input and ${out_channels} output channels: it must ` +
        `take the ${latent_channels} channels of the photo's latents beside those that it predicts`,
    );
  }
  if (resolution % factor !== 0) {
    throw new RangeError(
      `Cannot process at a resolution of ${resolution}: it must be a multiple of ${factor}`,
    );
  }
  if (ensembleSize === 1 && outputUncertainty) {
    throw new RangeError(
      "Cannot tell the uncertainty of a single prediction: ensembleSize must be 2 or more",
    );
  }
  if (latents !== undefined && (seed !== undefined || generator !== undefined)) {
    throw new TypeError("Cannot begin with latents and noise: give either latents or seed");
  }
  if (ensembleSize === 2) {
    warn("An ensembleSize of 2 gives about what 1 does: take 3 or more");
  }
}

async function emptyText({ components: { tokenizer, textEncoder } }: MarigoldRun): Promise<Tensor> {
  const { inputIds } = tokenizer.encode("", {
    padding: false,
    maxLength: tokenizer.modelMaxLength,
    truncation: true,
  });
  return (await textEncoder.forward(inputIds)).lastHiddenState; // [1, 2, width]
}

/** The latents of the predictions to begin with, float32 [N, targets · C, h, w]. */
function firstLatents(
  { components: { unet } }: MarigoldRun,
  { latents }: MarigoldOptions,
  seen: Tensor,
  noise: BatchNoise,
): Tensor {
  const dims = [seen.dims[0]!, unet.config.out_channels, ...seen.dims.slice(2)];
  if (latents === undefined) return randnTensor(dims, noise.generator);
  if (String(latents.dims) === String(dims)) return latents;
  throw new TypeError(
    `Cannot begin with latents of shape [${latents.dims.join(", ")}]: this call needs ` +
      `[${dims.join(", ")}]`,
  );
}

/**
 * What steps draw with for a part of the predictions: their own generators; of a list that the caller gave
 * the first ones again and again, as in diffusers.
 */
function noiseOf(
  noise: BatchNoise,
  { generator }: MarigoldOptions,
  at: number,
  count: number,
): BatchNoise {
  if (!Array.isArray(noise.generator)) return noise;
  const from = generator === undefined ? at : 0;
  return { ...noise, generator: noise.generator.slice(from, from + count) };
}

async function inBatches(
  x: Tensor,
  size: number,
  each: (part: Tensor) => Promise<Tensor>,
): Promise<Tensor> {
  const parts: Tensor[] = [];
  for (let i = 0; i < x.dims[0]!; i += size) parts.push(await each(x.slice(0, i, i + size)));
  return Tensor.cat(parts);
}

/** Brings the predictions of each photo together: [photos · E · targets, ...] to [photos · targets, ...]. */
function together(
  all: Tensor,
  { ensembleSize, targets }: { readonly ensembleSize: number; readonly targets: number },
  ensemble: (group: Tensor) => Ensembled,
): Partial<Ensembled> & Pick<Ensembled, "prediction"> {
  if (ensembleSize === 1) return { prediction: all };
  const photos = all.dims[0]! / ensembleSize / targets;
  const groups = Array.from({ length: photos * targets }, (_, i) => {
    const [photo, target] = [Math.floor(i / targets), i % targets];
    const members = Array.from({ length: ensembleSize }, (_, e) => {
      const at = (photo * ensembleSize + e) * targets + target;
      return all.slice(0, at, at + 1);
    });
    return ensemble(Tensor.cat(members));
  });
  return {
    prediction: Tensor.cat(groups.map((group) => group.prediction)),
    uncertainty: Tensor.cat(groups.map((group) => group.uncertainty)),
  };
}

/** Values of whole 255ths: the reference cuts the rest off where it makes images. */
function truncated(x: Tensor): Tensor {
  return x.map((value) => Math.floor(Math.fround(value * 255)) / 255);
}
