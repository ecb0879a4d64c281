import { HTTPException } from "hono/http-exception";
import { ServeError, toServeError } from "../contract/errors.ts";
import type { Door } from "../doors/door.ts";
import { log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { AppContext } from "./context.ts";

/** Any error as the door's own kind of reply. */
export function replyError(
  c: AppContext,
  door: Door,
  thrown: unknown,
  metrics: Metrics,
): Response {
  const error = toKnown(thrown);
  if (error.status >= 500) {
    const { requestId } = c.var;
    log.error("{code}: {message}", {
      code: error.code,
      message: error.message,
      cause: error.cause,
      requestId,
    });
  }
  if (error.status === 429 || error.status === 413 || error.status === 401) {
    metrics.countRejected(error.code);
  }
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (error.retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.ceil(error.retryAfterMs / 1000));
    headers["retry-after-ms"] = String(error.retryAfterMs);
  }
  if (error.status === 401) headers["www-authenticate"] = "Bearer";
  const status = door.errorStatus?.(error) ?? error.status;
  return new Response(JSON.stringify(door.errorBody(error)), { status, headers });
}

function toKnown(thrown: unknown): ServeError {
  if (thrown instanceof HTTPException && thrown.status < 500) {
    return new ServeError("invalid_input", thrown.message || "Cannot read the request");
  }
  if (thrown instanceof DOMException && thrown.name === "AbortError") {
    return new ServeError("canceled", "The caller is gone");
  }
  return toServeError(thrown);
}
