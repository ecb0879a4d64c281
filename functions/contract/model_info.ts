import type { Task } from "./job.ts";

/** What callers may know of a loaded model. */
export interface ModelInfo {
  /** Its public name. */
  readonly id: string;
  /** Class of its pipeline. */
  readonly pipeline: string;
  /** What it can do; the first is what is done where the caller does not say. */
  readonly tasks: readonly Task[];
  /** Class of its own scheduler. */
  readonly scheduler: string;
  /** Class names of the schedulers that its configuration fits, its own among them. */
  readonly schedulers: readonly string[];
  /** Pixels, unless the caller says. */
  readonly width: number;
  /** Pixels, unless the caller says. */
  readonly height: number;
  /** What width and height must be multiples of. */
  readonly sizeMultiple: number;
  /** Whether the caller chooses the size. */
  readonly takesSize: boolean;
  /** Whether it takes a prompt; it does where it does not say. */
  readonly takesPrompt?: boolean | undefined;
  /** How many images it reads together; one where it does not say. */
  readonly images?: number | undefined;
  /** Names of the LoRAs in the server's folder, where it has one. */
  readonly loras?: readonly string[] | undefined;
  /** Bytes of its weights as they are stored. */
  readonly bytes?: number | undefined;
  /** Whether it is in memory, or is loaded when it is asked for. */
  readonly state?: "loaded" | "unloaded" | undefined;
  /** What its images are made with where the caller does not say. */
  readonly defaults?: {
    /** Denoising steps. */
    readonly steps?: number | undefined;
    /** How closely the prompt is followed. */
    readonly guidanceScale?: number | undefined;
  } | undefined;
  /** Commit of its repo, where there is one. */
  readonly commit?: string | undefined;
}
