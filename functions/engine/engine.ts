import type { Device, Quantization, Quantizations, TorchDtype } from "@denoise/core";
import type { Job, RunEvent } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { SizeLimits } from "../contract/size_limits.ts";

/** A model to load. */
export interface ModelSpec {
  /** The public name, which requests carry. */
  readonly id: string;
  /** A folder, or an id that a source of the registry takes. */
  readonly location: string;
  /** Branch, tag or commit. */
  readonly revision?: string | undefined;
  /** Class of the pipeline to call it by. Defaults to that of its repo. */
  readonly pipeline?: string | undefined;
}

/** How models are loaded. */
export interface ModelOptions {
  /** Where they compute. Defaults to `"cpu"`. */
  readonly device?: Device | undefined;
  /** In which type weights are held. */
  readonly torchDtype?: TorchDtype | undefined;
  /** How weights are made smaller. Defaults to none: they stay as they are stored. */
  readonly quantization?: Quantization | Quantizations | undefined;
  /** Which weights, such as `"fp16"`. */
  readonly variant?: string | undefined;
  /** Threads of one operator. Defaults to all cores. */
  readonly threads?: number | undefined;
  /** Bytes of stored weights on a card; what is free by default. */
  readonly gpuMemoryLimit?: number | undefined;
  /** What the sides of images may be, however they are given; the default limits by default. */
  readonly sizeLimits?: SizeLimits | undefined;
  /** The folder of the LoRAs that runs can name. */
  readonly loraFolder?: string | undefined;
  /** The ControlNets that runs can name; none by default. */
  readonly controlNets?: readonly ModelSpec[] | undefined;
  /** Models that are in memory at once; all of them by default. */
  readonly maxLoaded?: number | undefined;
  /** Bytes of weights that are in memory at once; any by default. */
  readonly maxModelBytes?: number | undefined;
  /** Public names of models that stay in memory; none by default. */
  readonly pinned?: readonly string[] | undefined;
  /** Whether each model makes an image in one step before it is called ready. Defaults to true. */
  readonly warmup?: boolean | undefined;
}

/** A model that cannot be loaded. */
export interface BrokenModel {
  /** Its public name. */
  readonly id: string;
  /** Why, for those who run the server. */
  readonly message: string;
}

/** Where a cold start went, in milliseconds. */
export interface StartTiming {
  /** Bringing the files to this machine. */
  readonly downloadMs: number;
  /** Reading them and building the graphs. */
  readonly loadMs: number;
  /** The first run, in which sessions are made. */
  readonly warmupMs: number;
}

/** How an engine does. */
export type EngineState =
  | {
    /** It loads its models, for the first time or again. */
    readonly phase: "starting";
  }
  | {
    /** Every model is loaded and has run once. */
    readonly phase: "ready";
    /** What can be used; loaded now, or when it is asked for. */
    readonly models: readonly ModelInfo[];
    /** What cannot be loaded, while the others are used; none by default. */
    readonly broken?: readonly BrokenModel[] | undefined;
    /** Where the start went. */
    readonly timing: StartTiming;
  }
  | {
    /** A model cannot be loaded. */
    readonly phase: "failed";
    /** Why, for those who run the server. */
    readonly error: Error;
  }
  | {
    /** It was closed. */
    readonly phase: "closed";
  };

/** How one of several devices does. */
export interface DeviceState {
  /** Its number here, and what it is, such as `0:cuda:1`. */
  readonly device: string;
  /** How its engine does. */
  readonly phase: EngineState["phase"];
  /** Runs that were given to it now. */
  readonly runs: number;
  /** Bytes of the weights that it holds. */
  readonly heldBytes: number;
  /** Bytes that are free on it, where it is a card that tells, whoever holds the others. */
  readonly freeBytes?: number | undefined;
}

/** What runs jobs: in this process, or in a child that may die. */
export interface ServingEngine {
  /** How it does. */
  readonly state: EngineState;
  /** How often it was started again. */
  readonly restarts: number;
  /** Bytes that are free on its device, where that is a card that tells. */
  readonly freeBytes?: number | undefined;
  /** Its devices, where it has several. */
  readonly devices?: readonly DeviceState[] | undefined;
  /**
   * Resolves when it is ready.
   *
   * @throws {ServeError} `model_unavailable` when a model cannot be loaded; the signal's reason.
   */
  ready(signal?: AbortSignal): Promise<readonly ModelInfo[]>;
  /**
   * Runs a job; ends with `succeeded`.
   *
   * @throws {ServeError} for everything else; `engine_lost` when the process died, `canceled` at the
   * step after the signal fired.
   */
  run(job: Job, signal: AbortSignal): AsyncGenerator<RunEvent, void, void>;
  /** Ends it and every run. */
  close(): Promise<void>;
}
