import { ServeError } from "../contract/errors.ts";

/** The error of calls for a model that could not be loaded. */
export function unavailable(cause: Error): ServeError {
  return new ServeError(
    "model_unavailable",
    "The model could not be loaded; the server's log says why",
    { cause },
  );
}
