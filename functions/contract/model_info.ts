import type { Task } from "./job.ts";

/** What callers may know of a loaded model. */
export interface ModelInfo {
  /** Its public name. */
  readonly id: string;
  /** Class of its pipeline. */
  readonly pipeline: string;
  /** What it can do; the first is what is done where the caller does not say. */
  readonly tasks: readonly Task[];
  /** What it makes; images where it does not say. */
  readonly makes?: "images" | "audio" | undefined;
  /** Class of its own scheduler. */
  readonly scheduler: string;
  /** Class names of the schedulers that its configuration fits, its own among them. */
  readonly schedulers: readonly string[];
  /** Pixels, unless the caller says; 0 of audio. */
  readonly width: number;
  /** Pixels, unless the caller says; 0 of audio. */
  readonly height: number;
  /** What width and height must be multiples of. */
  readonly sizeMultiple: number;
  /** Whether the caller chooses the size. */
  readonly takesSize: boolean;
  /** Seconds of its audio, unless the caller says; undefined of images. */
  readonly seconds?: number | undefined;
  /** Whether the caller chooses how long audio is; not where it does not say. */
  readonly takesLength?: boolean | undefined;
  /** Whether it sings lyrics; not where it does not say. */
  readonly takesLyrics?: boolean | undefined;
  /** Whether it takes a prompt; it does where it does not say. */
  readonly takesPrompt?: boolean | undefined;
  /** How many images it reads together; one where it does not say. */
  readonly images?: number | undefined;
  /** Names of the LoRAs in the server's folder, where it has one. */
  readonly loras?: readonly string[] | undefined;
  /** Names of the ControlNets of the server that were made for it, where there are some. */
  readonly controlNets?: readonly string[] | undefined;
  /** Which of its tasks a ControlNet can take part in. */
  readonly controlTasks?: readonly Task[] | undefined;
  /** Bytes of its weights as they are stored. */
  readonly bytes?: number | undefined;
  /** Whether it is in memory, or is loaded when it is asked for. */
  readonly state?: "loaded" | "unloaded" | undefined;
  /** What its images or audio are made with where the caller does not say. */
  readonly defaults?: {
    /** Denoising steps. */
    readonly steps?: number | undefined;
    /** How closely the prompt is followed. */
    readonly guidanceScale?: number | undefined;
  } | undefined;
  /** Commit of its repo, where there is one. */
  readonly commit?: string | undefined;
}
