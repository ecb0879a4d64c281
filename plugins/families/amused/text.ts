import { type PipelineRun, Tensor } from "@denoise/core";
import { checkPrompts, countPrompts, type Prompt, warnOfCut } from "@denoise/diffusion";
import type { AmusedComponents } from "./components.ts";
import type { AmusedOptions } from "./options.ts";

/** Texts as the denoiser takes them, one row for each image; with guidance negative ones come before. */
export interface AmusedText {
  /** How many images. */
  readonly count: number;
  /** float32 [N or 2N, tokens, width]. */
  readonly states: Tensor;
  /** float32 [N or 2N, width]. */
  readonly pooled: Tensor;
}

type Rows = Pick<AmusedText, "states" | "pooled">;

const PAIRS = [
  ["promptEmbeds", "encoderHiddenStates"],
  ["negativePromptEmbeds", "negativeEncoderHiddenStates"],
] as const;

/**
 * The texts of a call: the states before the encoder's last layer, and the pooled text.
 *
 * @throws {TypeError} for both or neither of prompt and embeddings, and for states without pooled text.
 */
export async function encodeAmusedText(
  run: PipelineRun<AmusedComponents>,
  prompt: Prompt | undefined,
  options: AmusedOptions,
  guidance: boolean,
): Promise<AmusedText> {
  checkPrompts(prompt, options);
  for (const pair of PAIRS) {
    const [missing, given] = options[pair[0]] === undefined ? pair : pair.toReversed();
    if (options[given!] === undefined || options[missing!] !== undefined) continue;
    throw new TypeError(`Cannot use ${given} alone: give ${missing} of the same text with it`);
  }
  const { numImagesPerPrompt: each = 1, negativePrompt = "" } = options;
  const prompts = countPrompts(prompt, options);
  const texts = (given: Prompt) =>
    typeof given === "string" ? Array<string>(prompts).fill(given) : given;
  const spread = ({ states, pooled }: Rows): Rows => ({
    states: states.repeat([each, 1, 1]),
    pooled: pooled.repeat([each, 1]),
  });
  const wanted = spread(
    given(options.promptEmbeds, options.encoderHiddenStates) ??
      await encode(run, texts(prompt!), true),
  );
  const count = wanted.pooled.dims[0]!;
  if (!guidance) return { count, ...wanted };
  const unwanted = spread(
    given(options.negativePromptEmbeds, options.negativeEncoderHiddenStates) ??
      await encode(run, texts(negativePrompt), false),
  );
  return {
    count,
    states: Tensor.cat([unwanted.states, wanted.states]),
    pooled: Tensor.cat([unwanted.pooled, wanted.pooled]),
  };
}

function given(pooled: Tensor | undefined, states: Tensor | undefined): Rows | undefined {
  return pooled === undefined ? undefined : { pooled, states: states! };
}

async function encode(
  { components: { tokenizer, textEncoder }, warn }: PipelineRun<AmusedComponents>,
  texts: readonly string[],
  warns: boolean,
): Promise<Rows> {
  const tokens = tokenizer.encode(texts, {
    padding: "max_length",
    maxLength: tokenizer.modelMaxLength,
    truncation: true,
  });
  if (warns) warnOfCut({ tokenizer, warn }, tokens);
  const { textEmbeds, hiddenStates } = await textEncoder.forward(tokens.inputIds, {
    outputHiddenStates: true,
  });
  if (textEmbeds !== undefined) return { pooled: textEmbeds, states: hiddenStates!.at(-2)! };
  throw new TypeError(
    `Cannot encode the prompt by a ${textEncoder.className}: it gives no textEmbeds; use a ` +
      "CLIPTextModelWithProjection",
  );
}
