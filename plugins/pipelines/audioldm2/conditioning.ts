import { type PipelineRun, Tensor } from "@denoise/core";
import type { TokenEncoder, Tokenizer } from "@denoise/roles";
import { type ClapComponents, clapVectors } from "@denoise/audioldm";
import {
  checkPrompts,
  countPrompts,
  type Prompt,
  type PromptTexts,
  warnOfCut,
} from "@denoise/diffusion";
import type { AudioLDM2LanguageModel, AudioLDM2Projection, AudioLDM2States } from "./roles.ts";

/** What texts are read with. */
interface TextComponents extends ClapComponents {
  readonly textEncoder2: TokenEncoder;
  readonly projectionModel: AudioLDM2Projection;
  readonly languageModel: AudioLDM2LanguageModel;
  readonly tokenizer2: Tokenizer;
}

/** What a call says in words, or in states of words. */
interface ConditioningOptions extends PromptTexts {
  readonly promptEmbeds?: Tensor | undefined;
  readonly negativePromptEmbeds?: Tensor | undefined;
  readonly generatedPromptEmbeds?: Tensor | undefined;
  readonly negativeGeneratedPromptEmbeds?: Tensor | undefined;
  readonly attentionMask?: Tensor | undefined;
  readonly negativeAttentionMask?: Tensor | undefined;
  readonly maxNewTokens?: number | undefined;
  readonly numWaveformsPerPrompt: number;
  /** Whether states of negative prompts are wanted, too. */
  readonly guidance: boolean;
}

/** States that are written where neither the call nor the language model says how many. */
const NEW_TOKENS = 8;

/** One text as the denoiser is given it. */
interface Text {
  /** Of T5, float32 [prompts, tokens, width]. */
  readonly embeds: Tensor;
  /** int64 [prompts, tokens]. */
  readonly mask: Tensor;
  /** Of the language model, float32 [prompts, tokens', width']. */
  readonly generated: Tensor;
}

/**
 * What the denoiser is given of prompts (`encode_prompt`), and how many audio clips there are; with guidance the
 * rows of the negative prompts come first. These are filled up to as many tokens as the prompts have.
 */
export async function conditionAudioLDM2(
  run: PipelineRun<TextComponents>,
  prompt: Prompt | undefined,
  options: ConditioningOptions,
): Promise<AudioLDM2States & { readonly count: number }> {
  checkPrompts(prompt, options);
  checkGiven(options);
  const { guidance, numWaveformsPerPrompt: clips, negativePrompt = "" } = options;
  const prompts = countPrompts(prompt, options);
  const rows = (text: Prompt) =>
    typeof text === "string" ? Array<string>(prompts).fill(text) : text;
  const { maxNewTokens = run.components.languageModel.config.max_new_tokens ?? NEW_TOKENS } =
    options;
  const wanted = options.promptEmbeds === undefined
    ? await read(run, rows(prompt!), maxNewTokens)
    : given(options.promptEmbeds, options.generatedPromptEmbeds!, options.attentionMask);
  const texts = [wanted];
  if (guidance) {
    const { negativePromptEmbeds: embeds, negativeGeneratedPromptEmbeds: generated } = options;
    texts.unshift(
      embeds === undefined
        ? await read(run, rows(negativePrompt), maxNewTokens, wanted.embeds.dims[1]!)
        : given(embeds, generated!, options.negativeAttentionMask),
    );
  }
  const all = (of: (text: Text) => Tensor) =>
    Tensor.cat(texts.map((text) => of(text).repeatInterleave(clips, 0)));
  return {
    encoderHiddenStates: all(({ generated }) => generated),
    encoderHiddenStates1: all(({ embeds }) => embeds),
    encoderAttentionMask1: all(({ mask }) => mask),
    count: prompts * clips,
  };
}

/** States that a call gives; all of them count where it gives no mask. */
function given(embeds: Tensor, generated: Tensor, mask: Tensor | undefined): Text {
  return { embeds, generated, mask: mask ?? Tensor.ones(embeds.dims.slice(0, 2), "int64") };
}

const TOGETHER = [
  ["promptEmbeds", "generatedPromptEmbeds", "attentionMask"],
  ["negativePromptEmbeds", "negativeGeneratedPromptEmbeds", "negativeAttentionMask"],
] as const;

/** States of T5 and of the language model are given together; a mask is one of such states. */
function checkGiven(options: ConditioningOptions): void {
  for (const [name, generatedName, maskName] of TOGETHER) {
    const [embeds, generated, mask] = [options[name], options[generatedName], options[maskName]];
    if ((embeds === undefined) !== (generated === undefined)) {
      const [there, missing] = embeds === undefined ? [generatedName, name] : [name, generatedName];
      throw new TypeError(`Cannot use ${there} without ${missing}: give both, or a text`);
    }
    if (mask === undefined) continue;
    if (embeds !== undefined && String(mask.dims) === String(embeds.dims.slice(0, 2))) continue;
    throw new TypeError(
      embeds === undefined
        ? `Cannot use ${maskName} without ${name}: a prompt has a mask of its own`
        : `Cannot use ${maskName} of shape [${mask.dims.join(", ")}] with ${name} of shape ` +
          `[${embeds.dims.join(", ")}]: it must be [${embeds.dims.slice(0, 2).join(", ")}]`,
    );
  }
}

/** Texts by both text encoders, and what the language model writes on it. */
async function read(
  run: PipelineRun<TextComponents>,
  texts: readonly string[],
  newTokens: number,
  length?: number,
): Promise<Text> {
  const { projectionModel, languageModel, tokenizer2, textEncoder2 } = run.components;
  const { modelMaxLength } = run.components.tokenizer;
  const vectors = await clapVectors(run, texts, modelMaxLength, length === undefined);
  const tokens = tokenizer2.encode(texts, {
    padding: length === undefined ? "longest" : "max_length",
    maxLength: length ?? tokenizer2.modelMaxLength,
    truncation: true,
  });
  if (length === undefined) warnOfCut({ tokenizer: tokenizer2, warn: run.warn }, tokens, "T5");
  const { inputIds, attentionMask: mask } = tokens;
  const { lastHiddenState: embeds } = await textEncoder2.forward(inputIds, { attentionMask: mask });
  const one = Tensor.ones([texts.length, 1], "int64");
  const vector = vectors.reshape([texts.length, 1, vectors.dims[1]!]); // a token each
  const projected = await projectionModel.forward(vector, embeds);
  const projectedMask = Tensor.cat([one, one, one, one, mask, one], 1);
  return {
    embeds,
    mask,
    generated: await write(languageModel, projected, projectedMask, newTokens),
  };
}

/** The states that a language model writes one after another (`generate_language_model`). */
async function write(
  model: AudioLDM2LanguageModel,
  begin: Tensor,
  beginMask: Tensor,
  count: number,
): Promise<Tensor> {
  let [states, mask] = [begin, beginMask];
  const one = Tensor.ones([begin.dims[0]!, 1], "int64");
  for (let i = 0; i < count; i++) {
    const next = await model.forward(states, { attentionMask: mask });
    const length = next.dims[1]!;
    states = Tensor.cat([states, next.slice(1, length - 1, length)], 1);
    mask = Tensor.cat([mask, one], 1);
  }
  const { dims } = states;
  return states.slice(1, dims[1]! - count, dims[1]!);
}
