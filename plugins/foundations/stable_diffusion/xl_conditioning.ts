import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import { checkPrompts, guidanceScaleEmbedding, type Prompt } from "@denoise/diffusion";
import type { UNetConditioning } from "./unet.ts";
import type { XlTextUNet } from "./xl_components.ts";
import {
  checkXlPrompts,
  encodeXlPrompts,
  type XlEncoders,
  type XlEncoding,
  type XlPromptOptions,
  xlPromptOptions,
  type XlText,
} from "./xl_prompt.ts";
import { checkTimeIds, timeIdRows, type XlTimeIds } from "./xl_time_ids.ts";

/** Options of a call of Stable Diffusion XL that follows a text. */
export interface XlGuidanceOptions extends XlPromptOptions {
  /** How closely the image follows the prompt; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/** The declarations of {@linkcode XlGuidanceOptions}. */
export const xlGuidanceOptions: CallOptions<XlGuidanceOptions> = {
  ...xlPromptOptions,
  guidanceScale: { type: "number" },
  guidanceRescale: { type: "number" },
};

/** What tells the denoiser of the text. */
export interface XlConditioning {
  /** Images to make. */
  readonly count: number;
  /** Whether the denoiser is called for `[uncond, text]` at once. */
  readonly guidance: boolean;
  /** How closely the text is followed. */
  readonly guidanceScale: number;
  /** How much contrast is given back. */
  readonly guidanceRescale: number;
  /**
   * The UNet's conditioning, once the sizes are known.
   *
   * @param order All negative rows, then all others; or one after the other, as text to image of
   *   diffusers has them, which differs where negative sizes are given for several images.
   */
  conditioning(ids: XlTimeIds, order: "grouped" | "alternating"): UNetConditioning;
}

/** How prompts become text states and pooled text, the negative ones first: {@linkcode encodeXlPrompts} or another. */
export type XlReader<E, O extends XlGuidanceOptions> = (
  encoders: E,
  prompt: Prompt | undefined,
  options: O,
  encoding: XlEncoding,
) => Promise<readonly [negative: XlText | undefined, positive: XlText]>;

/** What of a run its prompts are encoded with. */
export type XlTextRun<E> = Pick<
  PipelineRun<E & { readonly unet: XlTextUNet }>,
  "components" | "settings" | "warn"
>;

/** Encodes the prompts of a call for its denoiser. */
export function conditionOnXlText(
  run: XlTextRun<XlEncoders>,
  prompt: Prompt | undefined,
  options: XlGuidanceOptions,
): Promise<XlConditioning> {
  return conditionOnReadText(run, prompt, options, encodeXlPrompts);
}

/** The same with other text encoders. */
export async function conditionOnReadText<E, O extends XlGuidanceOptions>(
  run: XlTextRun<E>,
  prompt: Prompt | undefined,
  options: O,
  read: XlReader<E, O>,
): Promise<XlConditioning> {
  checkPrompts(prompt, options);
  checkXlPrompts(options);
  const { components, settings, warn } = run;
  const { guidanceScale = 5, guidanceRescale = 0 } = options;
  const width = components.unet.config.time_cond_proj_dim;
  const guidance = guidanceScale > 1 && width === null;
  const zeros = settings.force_zeros_for_empty_prompt === true;
  const [negative, positive] = await read(components, prompt, options, { guidance, zeros, warn });
  const count = positive.embeds.dims[0]!;
  const both = (part: keyof XlText) =>
    negative === undefined ? positive[part] : Tensor.cat([negative[part], positive[part]]);
  return {
    count,
    guidance,
    guidanceScale,
    guidanceRescale,
    conditioning(ids, order) {
      checkTimeIds(components, ids, positive.pooled);
      return {
        encoderHiddenStates: both("embeds"),
        textEmbeds: both("pooled"),
        timeIds: rowsOf(ids, count, guidance, order),
        timestepCond: width === null
          ? undefined
          : guidanceScaleEmbedding(guidanceScale - 1, count, width),
      };
    },
  };
}

function rowsOf(
  { negative, positive }: XlTimeIds,
  count: number,
  guidance: boolean,
  order: "grouped" | "alternating",
): Tensor {
  if (!guidance) return timeIdRows(positive, count);
  if (order === "alternating") {
    return Tensor.cat([timeIdRows(negative, 1), timeIdRows(positive, 1)]).repeat([count, 1]);
  }
  return Tensor.cat([timeIdRows(negative, count), timeIdRows(positive, count)]);
}
