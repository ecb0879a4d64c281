import type { Task } from "./job.ts";
import type { OwnOption } from "./own_options.ts";

/** A ControlNet, one for images of several kinds (ControlNet-Union), or a T2I-Adapter. */
export type ControlKind = "controlnet" | "union" | "t2i-adapter";

/** What one of a server's networks that read images does with a model. */
export interface ControlAbility {
  /** What it is; those of one kind can take part in a run together. */
  readonly kind: ControlKind;
  /** Tasks of the model that it can take part in. */
  readonly tasks: readonly Task[];
  /** How many kinds of images it reads, which requests number from 0 on; one where it does not say. */
  readonly modes?: number | undefined;
}

/** What a model does a task with where the caller does not say: as its repo suggests, or else its pipeline. */
export interface TaskDefaults {
  /** Denoising steps. */
  readonly steps?: number | undefined;
  /** How closely the prompt is followed. */
  readonly guidanceScale?: number | undefined;
  /** How far a given image is changed, 0..1. */
  readonly strength?: number | undefined;
}

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
  /** Whether prompts can weigh their words (`prompt_syntax`); they cannot where it does not say. */
  readonly takesPromptSyntax?: boolean | undefined;
  /** Tasks that change an image by a strength; all that begin with an image where it does not say. */
  readonly strengthTasks?: readonly Task[] | undefined;
  /** How many images it reads together; one where it does not say. */
  readonly images?: number | undefined;
  /** Options of its pipelines that no other field stands for, by diffusers' names; none where it does not say. */
  readonly options?: Readonly<Record<string, OwnOption>> | undefined;
  /** Names of the LoRAs in the server's folder, where it has one. */
  readonly loras?: readonly string[] | undefined;
  /** The ControlNets and T2I-Adapters of the server that were made for it, by name, where there are some. */
  readonly controlNets?: Readonly<Record<string, ControlAbility>> | undefined;
  /** Bytes of its weights as they are stored. */
  readonly bytes?: number | undefined;
  /** Whether it is in memory, or is loaded when it is asked for. */
  readonly state?: "loaded" | "unloaded" | undefined;
  /** What its images or audio are made with where the caller does not say, by task. */
  readonly defaults?: Readonly<Partial<Record<Task, TaskDefaults>>> | undefined;
  /** Commit of its repo, where there is one. */
  readonly commit?: string | undefined;
}
