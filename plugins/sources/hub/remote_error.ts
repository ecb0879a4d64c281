import { DenoiseError } from "@denoise/core";

/** A place of repos that answered with an error, or did not answer. */
export class RemoteError extends DenoiseError {
  /** The HTTP status; `undefined` when no answer came. */
  readonly status: number | undefined;
  /** Whether asking again is of no use, as for a permission that this program lacks. */
  readonly isFinal: boolean;

  /** Makes the error with the status of the answer, if there was one. */
  constructor(message: string, status?: number, isFinal = false) {
    super("source_unavailable", message);
    this.name = "RemoteError";
    this.status = status;
    this.isFinal = isFinal;
  }

  /** Whether the place could not be reached or is down, so that a cached copy will do instead. */
  get isUnreachable(): boolean {
    return this.status === undefined || this.status >= 500 || this.status === 429;
  }
}
