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
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  gridIds,
  type LatentOptions,
  packedSize,
  packedTokens,
  packLatents,
  planFlowRun,
  unpackLatents,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { FluxComponents } from "./components.ts";
import type { FluxControl } from "./control_nets.ts";
import { type FluxImagePromptOptions, fluxImagePrompts } from "./image_prompt.ts";
import {
  encodeFluxPrompts,
  type FluxPromptOptions,
  fluxPromptOptions,
  type FluxText,
  type FluxTextOptions,
  fluxTextOptions,
} from "./prompts.ts";

/** Options that all calls of FLUX.1 take. */
export interface FluxBaseOptions
  extends RunOptions, FluxTextOptions, FlowStepOptions, JointAttentionKwargs {
  /** How closely the image follows the prompt, as models with `guidance_embeds` were taught. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode FluxBaseOptions}. */
export const fluxBaseOptions: CallOptions<FluxBaseOptions> = {
  ...jointAttentionKwargs,
  ...runOptions,
  ...fluxTextOptions,
  ...flowStepOptions,
  guidanceScale: { type: "number" },
};

/** Options of the calls of FLUX.1 that take a negative prompt. */
export interface FluxOptions extends FluxBaseOptions, FluxPromptOptions {
  /** Guidance by a second call for the negative prompt, above 1. Defaults to 1: none. */
  readonly trueCfgScale?: number | undefined;
}

/** The declarations of {@linkcode FluxOptions}. */
export const fluxOptions: CallOptions<FluxOptions> = {
  ...fluxBaseOptions,
  ...fluxPromptOptions,
  trueCfgScale: { type: "number" },
};

/** Images that the transformer is given beside the one that it makes. */
export interface ReferenceTokens {
  /** Their latents, float32 [N, tokens, 4·C]. */
  readonly tokens: Tensor;
  /** The coordinates of these, float32 [tokens, 3]. */
  readonly ids: Tensor;
  /** The size that they fix for the images that are made. */
  readonly size?: ImageSize | undefined;
}

/** What tells a family of FLUX.1's transformers from the first one. */
export interface FluxVariant<O> {
  /** Its name. */
  readonly name: string;
  /** The size of the images. Defaults to `packedSize`. */
  readonly size?: Family<FluxComponents, O & LatentOptions, FluxControl>["size"];
  /** Encodes images of a call that are tokens of their own behind those that are made. */
  readonly reference?: (
    run: PipelineRun<FluxComponents>,
    options: O,
    count: number,
  ) => Promise<ReferenceTokens | undefined>;
}

/** A family of transformers on packed latents that are called as FLUX.1's is. */
export function fluxWith<O extends LatentOptions & FluxOptions & FluxImagePromptOptions>(
  { name, size = packedSize, reference }: FluxVariant<O>,
): Family<FluxComponents, O, FluxControl> {
  return {
    name,
    size,
    plan({ vae, scheduler }, options, size) {
      const mu = calculateShift(packedTokens({ vae }, size), scheduler);
      return planFlowRun(scheduler, options, mu);
    },
    async encode(run, prompt, options) {
      const { transformer, vae } = run.components;
      const { guidanceScale = 3.5, trueCfgScale = 1, signal } = options;
      const [text, against] = await encodeFluxPrompts(
        run,
        prompt,
        trueCfgScale > 1 ? options : { ...options, negativePrompt: undefined },
      );
      const negative = trueCfgScale > 1 ? against : undefined;
      const guidance = transformer.config.guidance_embeds ? guidanceScale : undefined;
      const count = text.embeds.dims[0]!;
      const isGuided = negative !== undefined;
      const followed = await fluxImagePrompts(run.components, options, count, isGuided);
      const beside = await reference?.(run, options, count);
      return {
        count,
        size: beside?.size,
        facts: { guidanceScale: guidance, trueCfgScale: negative && trueCfgScale },
        denoiser({ height, width }) {
          const factor = vaeScaleFactor(vae);
          const [rows, columns] = [height / factor, width / factor];
          const grid = gridIds(rows / 2, columns / 2);
          const imgIds = beside === undefined ? grid : Tensor.cat([grid, beside.ids]);
          return async ({ input, timestep: time, index, control }) => {
            const timestep = Math.fround(time / 1000);
            const latents = packLatents(input);
            const tokens = beside === undefined ? latents : Tensor.cat([latents, beside.tokens], 1);
            const conditioned = ({ embeds, pooled }: FluxText) => ({
              encoderHiddenStates: embeds,
              pooledProjections: pooled,
              imgIds,
              txtIds: Tensor.zeros([embeds.dims[1]!, 3]),
              guidance,
              signal,
            });
            const call = { tokens, timestep, index, guidanceScale };
            const added = await control?.(call, conditioned(text));
            const predict = async (words: FluxText, imageEmbeds?: readonly Tensor[]) => {
              const options = { ...conditioned(words), ...added, imageEmbeds };
              const { sample } = await transformer.forward(tokens, timestep, options);
              return beside === undefined ? sample : sample.slice(1, 0, latents.dims[1]!);
            };
            const wanted = await predict(text, followed.wanted);
            if (negative === undefined) return unpackLatents(wanted, rows, columns);
            const unwanted = await predict(negative, followed.unwanted);
            const guided = unwanted.add(wanted.sub(unwanted).mul(trueCfgScale));
            return unpackLatents(guided, rows, columns);
          };
        },
      };
    },
  };
}

/**
 * FLUX.1 (Black Forest Labs, 2024): a rectified flow on latents of 16 channels packed into tokens of
 * 2x2, conditioned on a pooled text of CLIP and the states of T5. The guidance scale is an input of the model, so
 * that a step is one call; with `trueCfgScale` and a negative prompt it is two.
 */
export const flux: Family<
  FluxComponents,
  LatentOptions & FluxOptions & FluxImagePromptOptions,
  FluxControl
> = fluxWith({ name: "flux" });
