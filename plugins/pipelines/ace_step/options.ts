import type { Audio, CallOptions, Tensor } from "@denoise/core";
import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import { type AudioRunOptions, audioRunOptions } from "@denoise/diffusion";

/** What a run can be about. */
export type AceStepTask = "text2music" | "repaint" | "cover" | "extract" | "lego" | "complete";

/**
 * A clip that is given: audio, the path, address or bytes of a WAV file, or float32 [channels, samples] or
 * [N, channels, samples]; at the rate of the model.
 */
export type AudioInput = Audio | string | URL | Uint8Array | Tensor;

/** Options of a call. */
export interface AceStepOptions extends AudioRunOptions, AttentionKwargs {
  /** What is sung, with marks such as `[verse]`: one text, or one for each prompt. Defaults to `""`. */
  readonly lyrics?: string | readonly string[] | undefined;
  /**
   * Length in seconds, up to 3600. Defaults to 60; 0 and less are as long as `srcAudio`, or as the codes, or 60. A
   * source and codes make audio as long as they are; of the length the model is told all the same.
   */
  readonly audioDuration?: number | undefined;
  /** The language of the lyrics, such as `"en"`: one, or one for each prompt. Defaults to `"en"`. */
  readonly vocalLanguage?: string | readonly string[] | undefined;
  /**
   * Audio clips made of each prompt, as of one that is given so many times, which is all that diffusers has for it.
   * Defaults to 1.
   */
  readonly numWaveformsPerPrompt?: number | undefined;
  /** Denoising steps. Defaults to 8. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the audio follows the texts, above 1; up to 1 no guidance. Defaults to 7, of turbo models to 1. */
  readonly guidanceScale?: number | undefined;
  /** Moves the steps towards noise, above 1; 1 to 3 is usual. Defaults to 3. */
  readonly shift?: number | undefined;
  /** The first latents, float32 [N, length, channels]. */
  readonly latents?: Tensor | undefined;
  /** What the model is told to do, instead of the instruction of the task. */
  readonly instruction?: string | undefined;
  /** Tokens of the description at most; what is longer is cut, with a warning. Defaults to 256. */
  readonly maxTextLength?: number | undefined;
  /** Tokens of the lyrics at most; what is longer is cut, with a warning. Defaults to 2048. */
  readonly maxLyricLength?: number | undefined;
  /** Beats in a minute. Defaults to what the model finds. */
  readonly bpm?: number | undefined;
  /** The key, such as `"C major"`. Defaults to what the model finds. */
  readonly keyscale?: string | undefined;
  /** Beats of a bar, such as `"4"`. Defaults to what the model finds. */
  readonly timesignature?: string | undefined;
  /** What is to be done. Defaults to `"text2music"`, and with `audioCodes` to `"cover"`. */
  readonly taskType?: AceStepTask | undefined;
  /** The track of `"extract"` and `"lego"`, such as `"vocals"`. */
  readonly trackName?: string | undefined;
  /** The tracks of `"complete"`, such as `["drums", "bass"]`. */
  readonly completeTrackClasses?: readonly string[] | undefined;
  /** The clip that is worked on. */
  readonly srcAudio?: AudioInput | undefined;
  /** A clip whose timbre is taken. */
  readonly referenceAudio?: AudioInput | undefined;
  /** Codes of a song to cover, as `"<|audio_code_12|><|audio_code_7|>"`: one text, or one for each prompt. */
  readonly audioCodes?: string | readonly string[] | undefined;
  /** Where `"repaint"` and `"lego"` begin, in seconds. Defaults to 0. */
  readonly repaintingStart?: number | undefined;
  /** Where they end; 0 and less is the end of the clip. Defaults to that. */
  readonly repaintingEnd?: number | undefined;
  /** How much of a cover comes from the source, 0..1; the rest comes from the texts alone. Defaults to 1. */
  readonly audioCoverStrength?: number | undefined;
  /** From which share of the way on there is guidance, 0..1. Defaults to 0. */
  readonly cfgIntervalStart?: number | undefined;
  /** Up to which, 0..1. Defaults to 1. */
  readonly cfgIntervalEnd?: number | undefined;
  /** Own times, falling from 1, instead of `numInferenceSteps` and `shift`. */
  readonly timesteps?: readonly number[] | undefined;
}

const TASKS: Readonly<Record<AceStepTask, true>> = {
  text2music: true,
  repaint: true,
  cover: true,
  extract: true,
  lego: true,
  complete: true,
};
const SHARE = { type: "number", minimum: 0, maximum: 1 } as const;

/** Their declarations. */
export const aceStepOptions: CallOptions<AceStepOptions> = {
  ...audioRunOptions,
  ...attentionKwargs,
  lyrics: { type: "string", list: "allowed" },
  audioDuration: { type: "number", maximum: 3600 },
  vocalLanguage: { type: "string", list: "allowed" },
  numWaveformsPerPrompt: { type: "integer", minimum: 1 },
  numInferenceSteps: { type: "integer", minimum: 1 },
  guidanceScale: { type: "number", minimum: 0 },
  shift: { type: "number", exclusiveMinimum: 0 },
  latents: { type: "tensor" },
  instruction: { type: "string" },
  maxTextLength: { type: "integer", minimum: 1 },
  maxLyricLength: { type: "integer", minimum: 1 },
  bpm: { type: "integer", cost: "none" },
  keyscale: { type: "string" },
  timesignature: { type: "string" },
  taskType: { type: "string", choices: Object.keys(TASKS) },
  trackName: { type: "string" },
  completeTrackClasses: { type: "string", list: "required" },
  srcAudio: { type: "audio" },
  referenceAudio: { type: "audio" },
  audioCodes: { type: "string", list: "allowed" },
  repaintingStart: { type: "number" },
  repaintingEnd: { type: "number" },
  audioCoverStrength: SHARE,
  cfgIntervalStart: SHARE,
  cfgIntervalEnd: SHARE,
  timesteps: { type: "number", list: "required" },
};

/** The tasks for which an option counts. */
const TASKS_OF = {
  trackName: ["extract", "lego"],
  completeTrackClasses: ["complete"],
  repaintingStart: ["repaint", "lego"],
  repaintingEnd: ["repaint", "lego"],
  audioCoverStrength: ["cover"],
} as const satisfies Partial<Record<keyof AceStepOptions, readonly AceStepTask[]>>;

/**
 * Checks what options say together.
 *
 * @param warn Receives which options have no effect.
 * @throws {RangeError} for spans that end before they begin.
 */
export function checkTask(
  task: AceStepTask,
  options: AceStepOptions,
  warn: (message: string) => void,
): void {
  const { cfgIntervalStart = 0, cfgIntervalEnd = 1, repaintingStart, repaintingEnd } = options;
  if (cfgIntervalStart > cfgIntervalEnd) {
    throw new RangeError(
      `Cannot guide from ${cfgIntervalStart} to ${cfgIntervalEnd} of the way: cfgIntervalStart must ` +
        "not be more than cfgIntervalEnd",
    );
  }
  const isSpan = repaintingStart !== undefined && repaintingEnd !== undefined && repaintingEnd > 0;
  if (task === "repaint" && isSpan && repaintingStart >= repaintingEnd) {
    throw new RangeError(
      `Cannot repaint from second ${repaintingStart} to ${repaintingEnd}: repaintingStart must be less ` +
        "than repaintingEnd",
    );
  }
  for (const [name, tasks] of Object.entries(TASKS_OF)) {
    const isGiven = options[name as keyof typeof TASKS_OF] !== undefined;
    if (!isGiven || (tasks as readonly string[]).includes(task)) continue;
    warn(`${name} has no effect on the task "${task}": it is for ${tasks.join(" and ")}`);
  }
  const needsSource = task !== "text2music" && options.audioCodes === undefined;
  if (needsSource && options.srcAudio === undefined) {
    warn(`The task "${task}" is about srcAudio: without it the source is silence`);
  }
}
