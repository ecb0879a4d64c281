import { DenoiseError } from "@denoise/core";
import type { JobFailure } from "./job.ts";

/** A stable name of what went wrong. */
export type ServeErrorCode =
  /** A field has a wrong value. */
  | "invalid_input"
  /** The key is missing or unknown. */
  | "unauthorized"
  /** A web page of strangers asks, or the request has not the name of this server. */
  | "forbidden"
  /** An id was used for another request. */
  | "id_reused"
  /** There is no such thing. */
  | "not_found"
  /** No model of that name is loaded. */
  | "model_not_found"
  /** A result is no longer kept. */
  | "gone"
  /** The body, or an image in it, is too large. */
  | "payload_too_large"
  /** The body has another type. */
  | "unsupported_media_type"
  /** As many jobs wait as may. */
  | "queue_full"
  /** The requests that are here hold as many bytes as they may. */
  | "overloaded"
  /** The key asks too often. */
  | "rate_limited"
  /** The caller is gone, or has cancelled. */
  | "canceled"
  /** The engine died of the job, twice. */
  | "engine_lost"
  /** The model made NaN. */
  | "nan_output"
  /** The device has not the memory for it. */
  | "out_of_memory"
  /** Something else; the log says what. */
  | "internal"
  /** The result could not be stored. */
  | "storage_failed"
  /** A model could not be loaded. */
  | "model_unavailable"
  /** The server goes down. */
  | "shutting_down"
  /** It took longer than its caller allowed. */
  | "expired"
  /** No engine took it in the time that requests may wait. */
  | "queue_timeout"
  /** It took longer than the server allows. */
  | "timeout";

/** HTTP status of each. */
const STATUS: Readonly<Record<ServeErrorCode, number>> = {
  invalid_input: 400,
  unauthorized: 401,
  forbidden: 403,
  id_reused: 422,
  not_found: 404,
  model_not_found: 404,
  gone: 410,
  payload_too_large: 413,
  unsupported_media_type: 415,
  queue_full: 429,
  overloaded: 429,
  rate_limited: 429,
  canceled: 499,
  engine_lost: 500,
  nan_output: 500,
  out_of_memory: 500,
  internal: 500,
  storage_failed: 500,
  model_unavailable: 503,
  shutting_down: 503,
  expired: 504,
  queue_timeout: 504,
  timeout: 504,
};

/** What is known of an error beside its code and message. */
export interface ServeErrorDetails extends ErrorOptions {
  /** The input at fault, under the door's own name. */
  readonly field?: string | undefined;
  /** When it is worth asking again, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** An error for the caller; each door puts it into its own shape. */
export class ServeError extends Error {
  /** The stable name of what went wrong. */
  readonly code: ServeErrorCode;
  /** The input at fault, under the door's own name. */
  readonly field: string | undefined;
  /** When it is worth asking again, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /** Makes an error whose message says how to go on. */
  constructor(code: ServeErrorCode, message: string, details: ServeErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "ServeError";
    this.code = code;
    this.field = details.field;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** The HTTP status. */
  get status(): number {
    return STATUS[this.code];
  }
}

/** A mistake in the input. */
export function invalid(field: string | undefined, message: string): ServeError {
  return new ServeError("invalid_input", message, { field });
}

/** The codes of the SDK that callers get under a name of ours. */
const CODES: Readonly<Record<string, ServeErrorCode>> = {
  aborted: "canceled",
  engine_lost: "engine_lost",
  nan_output: "nan_output",
  out_of_memory: "out_of_memory",
  unknown_class: "invalid_input",
  unsupported_option: "invalid_input",
};

/** What callers are told where the SDK's message is for those who run the server. */
const MESSAGES: Partial<Record<ServeErrorCode, string>> = {
  out_of_memory: "Cannot make the image: the device has not enough memory for it; ask for a " +
    "smaller image, or for fewer at a time",
};

/**
 * Any error as one that a caller may read. Mistakes in arguments (TypeError, RangeError,
 * SyntaxError of the SDK) are the caller's; of everything else they learn only that it happened.
 */
export function toServeError(error: unknown): ServeError {
  if (error instanceof ServeError) return error;
  if (error instanceof DenoiseError) {
    const code = CODES[error.code];
    if (code !== undefined) {
      const message = MESSAGES[code] ?? withoutPaths(error.message);
      return new ServeError(code, message, { cause: error });
    }
  } else if (isArgumentError(error)) {
    return new ServeError("invalid_input", withoutPaths(error.message), { cause: error });
  }
  const message = "Cannot make the image: something went wrong on the server; its log says what";
  return new ServeError("internal", message, { cause: error });
}

/** The SDK's messages for wrong arguments begin with "Cannot"; some of the JavaScript engine do too. */
function isArgumentError(error: unknown): error is Error {
  return (error instanceof TypeError || error instanceof RangeError ||
    error instanceof SyntaxError) &&
    /^Cannot (?!read prop|set prop|destructure|convert|access|mix|use 'in'|redefine|assign|add prop)/
      .test(error.message);
}

/** A message whose absolute paths are cut to their last part: callers learn no folder of ours. */
export function withoutPaths(message: string): string {
  return message.replace(
    /(?<![\w.:/])(?:file:\/\/)?\/(?:[^\s/"':,;()]+\/)+([^\s/"':,;()]*)/g,
    "$1",
  );
}

/** An error as the failure of a job. */
export function toFailure(error: unknown): JobFailure {
  const { code, message, field } = toServeError(error);
  return { code, message, ...(field === undefined ? {} : { field }) };
}

/** The failure of a job as an error again. */
export function fromFailure({ code, message, field }: JobFailure): ServeError {
  const known = Object.hasOwn(STATUS, code) ? code as ServeErrorCode : "internal";
  return new ServeError(known, message, { field });
}
