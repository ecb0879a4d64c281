import { type JointAttentionKwargs, jointAttentionKwargs } from "@denoise/adapters";
import {
  type CallOptions,
  type ImageSize,
  type PipelineRun,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import {
  calculateShift,
  checkSize,
  type Family,
  firstImageSize,
  type FlowStepOptions,
  flowStepOptions,
  type ImagesInput,
  type LatentOptions,
  packedTokens,
  planFlowRun,
  type SizeOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { ZImageComponents } from "./components.ts";
import type { ZImageControl } from "./control_net.ts";
import type { ZImageDenoiser, ZImageDenoiserOptions } from "./transformer.ts";
import { encodeZImagePrompts, type ZImagePromptOptions, zImagePromptOptions } from "./prompts.ts";

/** Options that all calls of Z-Image take. */
export interface ZImageOptions
  extends RunOptions, ZImagePromptOptions, FlowStepOptions, JointAttentionKwargs {
  /**
   * s in v = v_text + s·(v_text - v_negative), from 0, where there is no guidance and a step is half the work.
   * Defaults to 5; Z-Image-Turbo is made for 0.
   */
  readonly guidanceScale?: number | undefined;
  /**
   * How long a guided prediction may be, in lengths of the one for the prompt; 0, the default, is no limit.
   * True of diffusers is 1.
   */
  readonly cfgNormalization?: number | boolean | undefined;
  /** Guides while the share of data, 0..1, is not above this. Defaults to 1: always; so does null. */
  readonly cfgTruncation?: number | null | undefined;
}

/** The declarations of {@linkcode ZImageOptions}. */
export const zImageOptions: CallOptions<ZImageOptions> = {
  ...runOptions,
  ...zImagePromptOptions,
  ...flowStepOptions,
  ...jointAttentionKwargs,
  guidanceScale: { type: "number" },
  cfgNormalization: { type: "any" },
  cfgTruncation: { type: "number", nullable: true },
};

/** The side of the images, in pixels, where nothing says it. */
const TRAINED_SIDE = 1024;

const f = Math.fround;

/**
 * Z-Image (Z-Image Team, 2025, arXiv:2511.22699): a rectified flow from noise to data on latents of 16 channels,
 * conditioned on the states of a language model. Guidance is two rows of one call.
 */
export const zImage: Family<
  ZImageComponents,
  LatentOptions & ZImageOptions & { readonly image?: ImagesInput | undefined },
  ZImageControl
> = {
  name: "z-image",
  size({ vae }, { height = TRAINED_SIDE, width = TRAINED_SIDE }) {
    checkSize(height, width, 2 * vaeScaleFactor(vae)); // two latents are a token
    return { height, width };
  },
  plan({ vae, scheduler }, options, size) {
    const mu = calculateShift(packedTokens({ vae }, size), scheduler);
    return planFlowRun(scheduler, options, mu, "torch");
  },
  async encode(run, prompt, options, { from }) {
    const { guidanceScale = 5, cfgTruncation, signal } = options;
    const longest = longestGuided(options);
    const guided = guidanceScale > 0;
    const { wanted, unwanted } = await encodeZImagePrompts(run, prompt, options, guided);
    const count = wanted.length;
    return {
      count,
      facts: { guidanceScale },
      size: from === "noise" ? undefined : await sizeOf(run, options),
      denoiser() {
        const { transformer } = run.components;
        return async ({ input, timestep, control }) => {
          const data = f(f(1000 - timestep) / 1000); // the share of data
          const isOver = (cfgTruncation ?? 1) <= 1 && data > (cfgTruncation ?? 1);
          const predict = (latents: Tensor, texts: readonly Tensor[]) =>
            control === undefined
              ? predictRows(transformer, latents, data, { encoderHiddenStates: texts, signal })
              : predictControlled(transformer, control, {
                ...{ latents, timestep: data, texts, count, signal },
              });
          if (unwanted === undefined || isOver) return (await predict(input, wanted)).mul(-1);
          const sample = await predict(Tensor.cat([input, input]), [...wanted, ...unwanted]);
          const [text, negative] = sample.chunk(2) as [Tensor, Tensor];
          const apart = text.sub(negative).mul(guidanceScale);
          return shortened(text.add(apart), text, longest).mul(-1);
        };
      },
    };
  },
};

async function predictRows(
  transformer: ZImageDenoiser,
  latents: Tensor,
  timestep: number,
  options: ZImageDenoiserOptions,
): Promise<Tensor> {
  return (await transformer.forward(latents, timestep, options)).sample;
}

/** What is predicted with a ControlNet, whose calls are for texts that are equally long. */
async function predictControlled(
  transformer: ZImageDenoiser,
  control: ZImageControl,
  { latents, timestep, texts, count, signal }: {
    readonly latents: Tensor;
    readonly timestep: number;
    readonly texts: readonly Tensor[];
    /** Images to make. */
    readonly count: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Tensor> {
  const made = Array<Tensor>(texts.length);
  for (const rows of Map.groupBy(texts.keys(), (row) => texts[row]!.dims[0]!).values()) {
    const encoderHiddenStates = rows.map((row) => texts[row]!);
    const own = Tensor.cat(rows.map((row) => latents.slice(0, row, row + 1)));
    const controlnetBlockSamples = await control({
      ...{ latents: own, timestep, encoderHiddenStates, signal },
      images: rows.map((row) => row % count),
    });
    const options = { encoderHiddenStates, controlnetBlockSamples, signal };
    const parts = (await predictRows(transformer, own, timestep, options)).chunk(rows.length, 0);
    for (const [i, row] of rows.entries()) made[row] = parts[i]!;
  }
  return Tensor.cat(made);
}

/** The limit of `cfgNormalization`; 0 is none. */
function longestGuided({ cfgNormalization = 0 }: ZImageOptions): number {
  const value = Number(cfgNormalization);
  if (["number", "boolean"].includes(typeof cfgNormalization) && value >= 0) return value;
  throw new TypeError(
    `Cannot guide with cfgNormalization ${
      JSON.stringify(cfgNormalization)
    }: it must be true, false, or a ` +
      `number from 0`,
  );
}

/** Rows no longer than `longest` times those of the text alone. */
function shortened(guided: Tensor, text: Tensor, longest: number): Tensor {
  if (longest === 0) return guided;
  const rows = guided.chunk(guided.dims[0]!, 0);
  const wanted = text.chunk(guided.dims[0]!, 0);
  return Tensor.cat(rows.map((row, i) => {
    const [length, limit] = [norm(row), f(norm(wanted[i]!) * longest)];
    return length > limit ? row.mul(f(limit / length)) : row;
  }));
}

function norm(x: Tensor): number {
  return f(Math.sqrt((x.data as Float32Array).reduce((sum, value) => sum + value * value, 0)));
}

/** The size of a call that has an image: its own, cut to whole tokens, where the call says none. */
async function sizeOf(
  run: PipelineRun<ZImageComponents>,
  options: SizeOptions & { readonly image?: ImagesInput | undefined },
): Promise<ImageSize> {
  const { vae } = run.components;
  const own = await firstImageSize(await run.images(), options.image!, vae);
  const multiple = 2 * vaeScaleFactor(vae);
  const cut = (side: number) => Math.max(multiple, side - side % multiple);
  const { height = cut(own.height), width = cut(own.width) } = options;
  return zImage.size(run.components, { height, width });
}
