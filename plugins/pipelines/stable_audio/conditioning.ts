import { type PipelineRun, Tensor } from "@denoise/core";
import type { TokenEncoder, Tokenizer } from "@denoise/roles";
import { checkPrompts, countPrompts, type Prompt, warnOfCut } from "@denoise/diffusion";
import type { StableAudioProjection } from "./roles.ts";

/** What is read with. */
interface TextComponents {
  readonly textEncoder: TokenEncoder;
  readonly tokenizer: Tokenizer;
  readonly projectionModel: StableAudioProjection;
}

/** What a call says of text and times. */
interface ConditioningOptions {
  readonly audioStartInS: number;
  readonly audioEndInS: number;
  /** Whether the transformer is called for a negative text, too. */
  readonly guidance: boolean;
  readonly negativePrompt?: Prompt | undefined;
  readonly numWaveformsPerPrompt: number;
  readonly promptEmbeds?: Tensor | undefined;
  readonly negativePromptEmbeds?: Tensor | undefined;
  readonly attentionMask?: Tensor | undefined;
  readonly negativeAttentionMask?: Tensor | undefined;
}

/** What the transformer is given: with guidance the rows of the negative text, then those of the text. */
export interface StableAudioConditioning {
  /** States of text, start and end, float32 [N or 2N, tokens + 2, width]. */
  readonly encoderHiddenStates: Tensor;
  /** Start and end side by side, float32 [N or 2N, 1, 2·width]. */
  readonly globalHiddenStates: Tensor;
  /** Audio clips to make. */
  readonly count: number;
}

/** A text before it is projected. */
interface Text {
  /** float32 [prompts, tokens, width]. */
  readonly embeds: Tensor;
  /** int64 [prompts, tokens], 1 where a token counts; all do without. */
  readonly mask?: Tensor | undefined;
}

/**
 * Prompts and times as the transformer takes them (`encode_prompt` and `encode_duration`). Where nothing is
 * said against the prompt, guidance is by zeros in place of text and times.
 */
export async function conditionStableAudio(
  run: PipelineRun<TextComponents>,
  prompt: Prompt | undefined,
  options: ConditioningOptions,
): Promise<StableAudioConditioning> {
  checkPrompts(prompt, options);
  checkMasks(options);
  const { guidance, numWaveformsPerPrompt, negativePrompt } = options;
  const { projectionModel } = run.components;
  const prompts = countPrompts(prompt, options);
  const text = options.promptEmbeds === undefined
    ? await read(run, rows(prompt!, prompts), true)
    : { embeds: options.promptEmbeds, mask: options.attentionMask };
  const against = !guidance
    ? undefined
    : options.negativePromptEmbeds !== undefined
    ? { embeds: options.negativePromptEmbeds, mask: options.negativeAttentionMask }
    : negativePrompt === undefined
    ? undefined
    : await read(run, rows(negativePrompt, prompts), false);

  const each = (seconds: number) => Array<number>(prompts).fill(seconds);
  const { start, end } = await projectionModel.seconds(
    each(options.audioStartInS),
    each(options.audioEndInS),
  );
  const project = async ({ embeds, mask }: Text) =>
    Tensor.cat([masked(await projectionModel.text(embeds), mask), start, end], 1);
  const wanted = await project(text);
  const states = !guidance
    ? [wanted]
    : [against === undefined ? Tensor.zeros(wanted.dims) : await project(against), wanted];
  const facts = Tensor.cat([start, end], 2);
  const repeated = (tensors: readonly Tensor[]) =>
    Tensor.cat(tensors.map((tensor) => tensor.repeatInterleave(numWaveformsPerPrompt, 0)));
  return {
    encoderHiddenStates: repeated(states),
    globalHiddenStates: repeated(states.map(() => facts)),
    count: prompts * numWaveformsPerPrompt,
  };
}

function rows(text: Prompt, prompts: number): readonly string[] {
  return typeof text === "string" ? Array<string>(prompts).fill(text) : text;
}

const MASKS = [["promptEmbeds", "attentionMask"], [
  "negativePromptEmbeds",
  "negativeAttentionMask",
]] as const;

/** A mask is one of states that are given, and has their rows and tokens. */
function checkMasks(options: ConditioningOptions): void {
  for (const [name, maskName] of MASKS) {
    const [embeds, mask] = [options[name], options[maskName]];
    if (mask === undefined) continue;
    if (embeds === undefined) {
      throw new TypeError(`Cannot use ${maskName} without ${name}: a prompt has a mask of its own`);
    }
    if (String(mask.dims) === String(embeds.dims.slice(0, 2))) continue;
    throw new TypeError(
      `Cannot use ${maskName} of shape [${mask.dims.join(", ")}] with ${name} of shape ` +
        `[${embeds.dims.join(", ")}]: it must be [${embeds.dims.slice(0, 2).join(", ")}]`,
    );
  }
}

async function read(
  { components: { tokenizer, textEncoder }, warn }: PipelineRun<TextComponents>,
  texts: readonly string[],
  warns: boolean,
): Promise<Text> {
  const maxLength = tokenizer.modelMaxLength;
  const tokens = tokenizer.encode(texts, { padding: "max_length", maxLength, truncation: true });
  if (warns) warnOfCut({ tokenizer, warn }, tokens, "T5");
  const { inputIds, attentionMask: mask } = tokens;
  const { lastHiddenState } = await textEncoder.forward(inputIds, { attentionMask: mask });
  return { embeds: lastHiddenState, mask };
}

/** States with zeros where the mask is 0. */
function masked(states: Tensor, mask: Tensor | undefined): Tensor {
  if (mask === undefined) return states;
  return states.mul(mask.astype("float32").reshape([...mask.dims, 1]));
}
