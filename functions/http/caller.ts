import { invalid } from "../contract/errors.ts";
import type { Priority } from "../contract/quota.ts";
import type { AppContext } from "./context.ts";

/** Who makes a request, and what its headers say of the job that it asks for. */
export interface RequestCaller {
  /** Whose request it is. */
  readonly owner: string;
  /** Fires when the caller is gone. */
  readonly signal: AbortSignal;
  /** How long its job may take, in milliseconds, where it says. */
  readonly timeoutMs: number | undefined;
  /** `"batch"` where it can wait for others. */
  readonly priority: Priority | undefined;
}

/** Longest time that can be named, in seconds. */
const MAX_SECONDS = 86_400;
/** Urgency from which on a job is served after those of others. */
const BATCH_URGENCY = 6;

/**
 * Reads `Cancel-After` (as Replicate has it: `90s`, `5m`, `1h30m`; seconds where there is no unit) and
 * `Priority` (RFC 9218: `u=7` is the least urgent, 3 what holds by default).
 *
 * @throws {ServeError} `invalid_input` for a time that is none.
 */
export function callerOf(c: AppContext): RequestCaller {
  return {
    owner: c.var.owner,
    signal: c.req.raw.signal,
    timeoutMs: cancelAfter(c.req.header("cancel-after")),
    priority: isBatch(c.req.header("priority")) ? "batch" : undefined,
  };
}

function cancelAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, hours = 0, minutes = 0, rest = 0] =
    text.trim().match(/^(?=\d)(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s?)?$/) ?? [];
  const seconds = Number(hours) * 3_600 + Number(minutes) * 60 + Number(rest);
  if (seconds >= 1 && seconds <= MAX_SECONDS) return seconds * 1_000;
  throw invalid(
    "Cancel-After",
    `Cancel-After must be a time from 1s to ${MAX_SECONDS}s, such as 90s, 5m or 1h30m, but is ` +
      JSON.stringify(text.slice(0, 100)),
  );
}

function isBatch(text = ""): boolean {
  const [, urgency] = text.match(/(?:^|,)\s*u=([0-7])(?=\s*(?:[,;]|$))/) ?? [];
  return Number(urgency) >= BATCH_URGENCY;
}
