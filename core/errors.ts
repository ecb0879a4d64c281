/**
 * What went wrong, as a stable name that a program can compare. Plain mistakes in arguments are
 * `TypeError` (wrong type or shape) and `RangeError` (value outside its range) instead.
 *
 * @category Errors
 */
export type ErrorCode =
  /** The run was cancelled through its AbortSignal. */
  /** The disk has no room for a download. */
  | "disk_full"
  /** A class is registered already. */
  | "duplicate_class"
  /** The process or Worker that computes ended in the middle of a call. */
  | "engine_lost"
  /** A config.json, model_index.json or scheduler_config.json does not say what it has to. */
  | "invalid_config"
  /** A GGUF file breaks the format. */
  | "invalid_gguf"
  /** A module of plugins cannot be loaded, or exports none. */
  | "invalid_plugin"
  /** A safetensors file breaks the format. */
  | "invalid_safetensors"
  /** A component that the pipeline needs is not there. */
  | "missing_component"
  /** A file or folder is not there. */
  | "missing_file"
  /** The checkpoint lacks a tensor that the config asks for, or has it in another shape. */
  | "missing_tensor"
  /** The model or the scheduler made NaN or infinity. */
  | "nan_output"
  /** The card has not enough memory. */
  | "out_of_memory"
  /** Weights are stored as a Python pickle that is not read, or that holds more than tensors, numbers and texts. */
  | "pickle_refused"
  /** The device or runtime asked for is not on this machine. */
  | "runtime_unavailable"
  /** A repo could not be fetched from where it lies. */
  | "source_unavailable"
  /** The checkpoint has tensors that the config has no place for. */
  | "unexpected_tensor"
  /** No plugin provides a class. */
  | "unknown_class"
  /** A config option has a value that is not supported. */
  | "unsupported_option";

/**
 * An error that a caller is expected to react to, with a stable {@linkcode ErrorCode}.
 *
 * @category Errors
 *
 * @example
 * ```ts
 * import { DenoiseError } from "@denoise/core";
 *
 * const error = new DenoiseError("missing_file", 'Cannot load "cat": no such folder');
 * console.log(error.code, error.message);
 * ```
 */
export class DenoiseError extends Error {
  /** The stable name of what went wrong. */
  readonly code: ErrorCode;

  /** Makes an error with a code, a message that says how to go on, and optionally its cause. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DenoiseError";
    this.code = code;
  }
}
