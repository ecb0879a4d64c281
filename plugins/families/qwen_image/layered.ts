import {
  type CallOptions,
  type ComponentSpec,
  type ImageInput,
  type ImageSize,
  type PipelineRun,
  Tensor,
} from "@denoise/core";
import {
  type Family,
  imageOfArea,
  initialLatents,
  latentDims,
  type LatentOptions,
  latentSpace,
  oneTextEncoder,
  packedSize,
  packedTokens,
  packLatents,
  planFlowRun,
  type Prompt,
  type Start,
  unpackLatents,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { ImagePatcher } from "@denoise/roles";
import type { QwenImageComponents } from "./components.ts";
import { guideByLength, type QwenImageOptions } from "./family.ts";
import { encodeQwenImagePrompts } from "./prompts.ts";

/** What the pipeline of Qwen-Image-Layered consists of. */
export interface QwenImageLayeredComponents extends QwenImageComponents {
  /** Qwen2VLProcessor, with which diffusers writes captions; not used. */
  readonly processor: ImagePatcher | null;
}

/** The components that the definition of its pipeline has. */
export const qwenImageLayeredComponents: {
  readonly components: { readonly [K in keyof QwenImageLayeredComponents]: ComponentSpec };
} = {
  components: { ...oneTextEncoder.components, processor: { kind: "processor", optional: true } },
};

/** What a call of Qwen-Image-Layered says beside its prompt. */
export interface QwenImageLayersOptions {
  /** The image that is taken apart. */
  readonly image: ImageInput;
  /** How many layers it becomes. Defaults to 4. */
  readonly layers?: number | undefined;
  /** The side of a square of as many pixels as the layers have, in the image's shape: 640 or 1024. Defaults to 640. */
  readonly resolution?: number | undefined;
  /** Whether each token of a guided prediction is as long as that of the prompt alone. Defaults to false. */
  readonly cfgNormalize?: boolean | undefined;
}

/** The declarations of {@linkcode QwenImageLayersOptions}. */
export const qwenImageLayersOptions: CallOptions<QwenImageLayersOptions> = {
  image: { type: "image", required: true },
  layers: { type: "integer", minimum: 1, cost: "images" },
  resolution: { type: "integer" },
  cfgNormalize: { type: "boolean" },
};

/** What the family reads of a call. */
export type QwenImageLayeredCall = LatentOptions & QwenImageOptions & QwenImageLayersOptions;

/** The sides of squares that the model has learned. */
const RESOLUTIONS = [640, 1024];

/** How many latents a row has: the whole image, then its layers. */
function framesOf({ layers = 4 }: QwenImageLayersOptions): number {
  return layers + 1;
}

/** Latents [N, frames·C, h, w] as [N·frames, C, h, w]. */
function framesOfLatents(latents: Tensor, channels: number): Tensor {
  const [n, c, h, w] = latents.dims as readonly [number, number, number, number];
  return latents.reshape([n * (c / channels), channels, h, w]);
}

/**
 * Qwen-Image-Layered (Qwen Team, 2025, arXiv:2512.15603): an image taken apart into layers with alpha. The
 * latents of a row are those of the whole image and of its layers, on channels: [N, (layers + 1)·C, h, w].
 */
export const qwenImageLayered: Family<QwenImageLayeredComponents, QwenImageLayeredCall, never> = {
  name: "qwen-image-layered",
  size: packedSize,
  plan({ vae, scheduler }, options, size) {
    const { numInferenceSteps: steps = 50 } = options;
    const even = Array.from({ length: steps }, (_, i) => 1 - i * (1 / steps));
    const mu = Math.sqrt(packedTokens({ vae }, size) / 256);
    return planFlowRun(scheduler, { ...options, sigmas: options.sigmas ?? even }, mu);
  },
  async encode(run, prompt, options) {
    const { transformer, vae } = run.components;
    const { trueCfgScale = 4, cfgNormalize = false, signal } = options;
    checkCall(prompt, options);
    const guided = trueCfgScale > 1;
    const { wanted, unwanted } = await encodeQwenImagePrompts(run, prompt, options, guided);
    const { size, tokens: whole } = await encodeWhole(run, options);
    const count = wanted.length;
    const beside = whole.repeat([count, 1, 1]);
    const frames = framesOf(options);
    return {
      count,
      size,
      facts: { trueCfgScale: unwanted && trueCfgScale },
      denoiser({ height, width }) {
        const factor = vaeScaleFactor(vae);
        const [rows, columns] = [height / factor, width / factor];
        const imgShapes = Array.from(
          { length: frames + 1 },
          () => [1, rows / 2, columns / 2] as const,
        );
        return async ({ input, timestep }) => {
          const { channels } = latentSpace(vae);
          const made = rowsOfFrames(packLatents(framesOfLatents(input, channels)), count);
          const tokens = Tensor.cat([made, beside], 1);
          const time = Math.fround(timestep / 1000);
          const predict = async (encoderHiddenStates: readonly Tensor[]) => {
            const given = { encoderHiddenStates, imgShapes, signal };
            const { sample } = await transformer.forward(tokens, time, given);
            return sample.slice(1, 0, made.dims[1]!);
          };
          const latentsOf = (prediction: Tensor) => {
            const each = rowsOfFrames(prediction, count * frames);
            return unpackLatents(each, rows, columns).reshape(input.dims);
          };
          const text = await predict(wanted);
          if (unwanted === undefined) return latentsOf(text);
          const negative = await predict(unwanted);
          return latentsOf(
            cfgNormalize
              ? guideByLength(text, negative, trueCfgScale)
              : negative.add(text.sub(negative).mul(trueCfgScale)),
          );
        };
      },
    };
  },
  imagesOfRow: (options) => framesOf(options) - 1,
  // the whole image, which is made beside the layers
  previewed(stepped, { vae }) {
    const { channels } = latentSpace(vae);
    const first = (latents: Tensor) => latents.slice(1, 0, channels);
    const { predOriginalSample: clean } = stepped;
    return {
      ...stepped,
      prevSample: first(stepped.prevSample),
      ...(clean === undefined ? {} : { predOriginalSample: first(clean) }),
    };
  },
  async decode(vae, latents) {
    const space = latentSpace(vae);
    const isRow = latents.dims[1]! > space.channels;
    const layers = isRow ? latents.slice(1, space.channels, latents.dims[1]!) : latents;
    const frames = framesOfLatents(layers, space.channels);
    const images: Tensor[] = [];
    for (const frame of frames.chunk(frames.dims[0]!)) {
      images.push((await vae.decode(space.denormalize(frame))).sample);
    }
    return Tensor.cat(images, 0);
  },
};

/** Tokens of frames one after the other as those of so many rows. */
function rowsOfFrames(tokens: Tensor, rows: number): Tensor {
  const [n, length, c] = tokens.dims as readonly [number, number, number];
  return tokens.reshape([rows, n * length / rows, c]);
}

function checkCall(prompt: Prompt | undefined, options: QwenImageLayeredCall): void {
  const { resolution = 640, promptEmbeds } = options;
  if (!RESOLUTIONS.includes(resolution)) {
    throw new RangeError(
      `Cannot make layers of resolution ${resolution}: the model has learned ${
        RESOLUTIONS.join(" and ")
      }`,
    );
  }
  const isEmpty = prompt === undefined || prompt === "" || prompt === " ";
  if (promptEmbeds === undefined && isEmpty) {
    throw new TypeError(
      "Cannot take an image apart without a prompt: give one that says what it shows; captions are not written " +
        "here, as diffusers has the language model do",
    );
  }
}

/** The image that is taken apart, encoded, and the size that its shape says. */
async function encodeWhole(
  run: PipelineRun<QwenImageLayeredComponents>,
  { image, resolution = 640 }: QwenImageLayeredCall,
): Promise<{ readonly size: ImageSize; readonly tokens: Tensor }> {
  const { vae } = run.components;
  const codec = await run.images();
  const mode = (vae.config as { readonly input_channels?: number }).input_channels === 3
    ? "RGB"
    : "RGBA";
  const shown = await imageOfArea(codec, image, resolution ** 2, mode);
  const [, , height, width] = shown.dims as [number, number, number, number];
  const { latentDist } = await vae.encode(shown.mul(2).sub(1));
  const tokens = packLatents(latentSpace(vae).normalize(latentDist.mode()));
  return { size: { height, width }, tokens };
}

/** From noise for the whole image and for each of its layers. */
export const fromLayerNoise: Start<QwenImageLayeredComponents, QwenImageLayeredCall> = {
  from: "noise",
  begin(run, options, { count, noise, ...facts }) {
    const { vae, scheduler } = run.components;
    const size = facts.size();
    const [rows, channels, height, width] = latentDims(vae, count, size);
    const dims = [rows, channels * framesOf(options), height, width];
    const latents = initialLatents(dims, noise, scheduler);
    return Promise.resolve({ latents, size, plan: facts.plan(size), controls: [] });
  },
};
