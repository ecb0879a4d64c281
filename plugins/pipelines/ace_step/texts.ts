import type { PipelineRun, Tensor } from "@denoise/core";
import type { Tokens } from "@denoise/roles";
import { type Prompt, warnOfCut } from "@denoise/diffusion";
import type { AceStepOptions, AceStepTask } from "./options.ts";
import type { AceStepComponents } from "./roles.ts";

/** The texts of a call, one of each for every clip. */
export interface AceStepTexts {
  /** What is to be made. */
  readonly prompts: readonly string[];
  /** What is sung. */
  readonly lyrics: readonly string[];
  /** In which language. */
  readonly languages: readonly string[];
}

/**
 * One text of each kind for every clip.
 *
 * @throws {TypeError} for no prompt, and for lists of another length.
 */
export function textsOf(prompt: Prompt | undefined, options: AceStepOptions): AceStepTexts {
  const prompts = typeof prompt === "string" ? [prompt] : prompt ?? [];
  if (prompts.length === 0 || !prompts.every((text) => typeof text === "string")) {
    throw new TypeError(
      "Cannot make music of no description: give a prompt, a string or a list of strings, before the " +
        'options, as in pipe("a piano piece", { seed: 0 })',
    );
  }
  const { numWaveformsPerPrompt: clips = 1 } = options;
  const repeated = (texts: readonly string[]) =>
    texts.flatMap((text) => Array<string>(clips).fill(text));
  const each = (name: "lyrics" | "vocalLanguage", fallback: string) => {
    const given = options[name] ?? fallback;
    const texts = typeof given === "string" ? prompts.map(() => given) : given;
    if (texts.length === prompts.length) return repeated(texts);
    throw new TypeError(
      `Cannot use ${texts.length} texts as ${name} of ${prompts.length} prompts: give one, or one for each`,
    );
  };
  return {
    prompts: repeated(prompts),
    lyrics: each("lyrics", ""),
    languages: each("vocalLanguage", "en"),
  };
}

const INSTRUCTIONS = {
  text2music: "Fill the audio semantic mask based on the given conditions:",
  repaint: "Repaint the mask area based on the given conditions:",
  cover: "Generate audio semantic tokens based on the given conditions:",
} as const;

/** What the model is told to do for a task (`_get_task_instruction`). */
export function instructionOf(
  task: AceStepTask,
  { trackName, completeTrackClasses = [] }: AceStepOptions = {},
): string {
  const track = trackName?.toUpperCase();
  switch (task) {
    case "extract":
      return `Extract the ${track ? `${track} ` : ""}track from the audio:`;
    case "lego":
      return `Generate the ${track ? `${track} ` : ""}track based on the audio context:`;
    case "complete": {
      const tracks = completeTrackClasses.map((name) => name.toUpperCase()).join(" | ");
      return completeTrackClasses.length > 0
        ? `Complete the input track with ${tracks}:`
        : "Complete the input track:";
    }
    default:
      return INSTRUCTIONS[task];
  }
}

/** What is known of the music (`_build_metadata_string`). */
function metadata({ bpm, keyscale, timesignature }: AceStepOptions, seconds: number): string {
  const known = (text: string | undefined) => text?.trim() ? text : "N/A";
  return `- bpm: ${bpm !== undefined && bpm > 0 ? bpm : "N/A"}\n` +
    `- timesignature: ${known(timesignature)}\n- keyscale: ${known(keyscale)}\n` +
    `- duration: ${Math.trunc(seconds)} seconds\n`;
}

/** Tokens as the condition encoder takes them. */
export interface TextStates {
  /** float32 [N, tokens, width]. */
  readonly states: Tensor;
  /** int64 [N, tokens]. */
  readonly mask: Tensor;
}

/** The states of the descriptions, with what the model is told to do and what is known of the music. */
export async function readPrompts(
  run: PipelineRun<AceStepComponents>,
  { prompts }: AceStepTexts,
  instruction: string,
  options: AceStepOptions & { readonly audioDuration: number },
): Promise<TextStates> {
  const { maxTextLength = 256, audioDuration } = options;
  const told = instruction.endsWith(":") ? instruction : `${instruction}:`;
  const texts = prompts.map((prompt) =>
    `# Instruction\n${told}\n\n# Caption\n${prompt}\n\n# Metas\n` +
    `${metadata(options, audioDuration)}<|endoftext|>\n`
  );
  return await read(run, texts, -1, { maxTextLength });
}

/** The embeddings of the lyrics: it is the condition encoder that reads them. */
export async function readLyrics(
  run: PipelineRun<AceStepComponents>,
  { lyrics, languages }: AceStepTexts,
  { maxLyricLength = 2048 }: AceStepOptions,
): Promise<TextStates> {
  const texts = lyrics.map((text, i) =>
    `# Languages\n${languages[i]}\n\n# Lyric\n${text}<|endoftext|>`
  );
  return await read(run, texts, 0, { maxLyricLength });
}

/** Rows are filled up, and what they are filled up with is read as any token is, as in the reference. */
async function read(
  { components: { tokenizer, textEncoder }, warn }: PipelineRun<AceStepComponents>,
  texts: readonly string[],
  state: number,
  limit: Readonly<Record<string, number>>,
): Promise<TextStates> {
  const [[name, maxLength]] = Object.entries(limit) as [[string, number]];
  const tokens: Tokens = tokenizer.encode(texts, {
    padding: "longest",
    truncation: true,
    maxLength,
  });
  warnOfCut({ tokenizer, warn }, tokens, maxLength, name);
  const [states] = await textEncoder.hiddenStates(tokens.inputIds, [state]);
  return { states: states!, mask: tokens.attentionMask };
}
