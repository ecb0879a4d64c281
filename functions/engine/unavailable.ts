import { ServeError } from "../contract/errors.ts";

/** What callers are told when a model could not be loaded. */
export function unavailable(cause: Error): ServeError {
  return new ServeError(
    "model_unavailable",
    "The model could not be loaded; the server's log says why",
    { cause },
  );
}
