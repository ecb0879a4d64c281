import { type PipelineRun, Tensor } from "@denoise/core";
import type { TextEncoder, Tokenizer } from "@denoise/roles";
import {
  checkPrompts,
  countPrompts,
  type Prompt,
  type PromptTexts,
  warnOfCut,
} from "@denoise/diffusion";

/** What texts are read with. */
export interface ClapComponents {
  /** ClapTextModelWithProjection or ClapModel. */
  readonly textEncoder: TextEncoder;
  /** RobertaTokenizer. */
  readonly tokenizer: Tokenizer;
}

/** What a call says in words, or in vectors of words. */
interface TextOptions extends PromptTexts {
  readonly promptEmbeds?: Tensor | undefined;
  readonly negativePromptEmbeds?: Tensor | undefined;
  readonly numWaveformsPerPrompt: number;
  /** Whether vectors of negative prompts are wanted, too. */
  readonly guidance: boolean;
}

/**
 * Vectors of prompts, of length 1 (`_encode_prompt`): float32 [N, width], with guidance those of the negative
 * prompts before them. As in diffusers, of a negative prompt as many tokens are read as the vectors are wide.
 */
export async function textVectors(
  run: PipelineRun<ClapComponents>,
  prompt: Prompt | undefined,
  options: TextOptions,
): Promise<Tensor> {
  checkPrompts(prompt, options);
  const { guidance, negativePrompt = "", numWaveformsPerPrompt } = options;
  const { modelMaxLength } = run.components.tokenizer;
  const count = countPrompts(prompt, options);
  const rows = (text: Prompt) => typeof text === "string" ? Array<string>(count).fill(text) : text;
  const wanted = options.promptEmbeds ??
    await clapVectors(run, rows(prompt!), modelMaxLength, true);
  const vectors = guidance
    ? [
      options.negativePromptEmbeds ??
        await clapVectors(run, rows(negativePrompt), wanted.dims[1]!, false),
      wanted,
    ]
    : [wanted];
  return Tensor.cat(vectors.map((vector) => vector.repeatInterleave(numWaveformsPerPrompt, 0)));
}

/**
 * CLAP's vectors of texts, of length 1: float32 [N, width].
 *
 * @param maxLength How many tokens of each are read.
 * @param warns Whether texts that are longer are told of.
 */
export async function clapVectors(
  { components: { tokenizer, textEncoder }, warn }: PipelineRun<ClapComponents>,
  texts: readonly string[],
  maxLength: number,
  warns: boolean,
): Promise<Tensor> {
  const tokens = tokenizer.encode(texts, { padding: "max_length", maxLength, truncation: true });
  if (warns) warnOfCut({ tokenizer, warn }, tokens, "CLAP");
  const { inputIds, attentionMask } = tokens;
  const { textEmbeds } = await textEncoder.forward(inputIds, { attentionMask });
  if (textEmbeds === undefined) {
    throw new TypeError(
      `Cannot encode the prompt: ${textEncoder.className} gives no textEmbeds; use a ` +
        "ClapTextModelWithProjection or ClapModel",
    );
  }
  const length = textEmbeds.mul(textEmbeds).sum([1], { keepDims: true }).map((x) =>
    Math.max(Math.sqrt(x), 1e-12)
  );
  return textEmbeds.div(length);
}
