/** One HTTP request: redirects by our own rules, time limits, repetitions, errors that explain. */

import { readBody } from "./body.ts";
import { isDenied } from "./files.ts";
import { RemoteError } from "./remote_error.ts";
import { askedDelay, backoff, isTransient, pause, type RetryPolicy } from "./retry.ts";

/** How requests are made. */
export interface HttpSettings {
  /** Sent as `Authorization` to `origin`, and to no other host. */
  readonly token?: string | undefined;
  /** The scheme, host and port that the token belongs to. */
  readonly origin: string;
  /** How long to wait for an answer to begin, in milliseconds. */
  readonly timeout: number;
  /** How long the next bytes of an answer may take, in milliseconds. */
  readonly stall: number;
  /** How failed requests are repeated. */
  readonly retry: RetryPolicy;
  /** Gives headers that only `origin` is to see, such as a signature of this very request. */
  readonly sign?: ((url: URL, headers: Headers) => Promise<Headers>) | undefined;
}

/** One request. */
export interface HttpRequest {
  /** What is being done, for messages, such as `"listing google/ddpm-cat-256"`. */
  readonly doing: string;
  /** Headers beside those that every request has. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Statuses that are answers, not errors, beside 2xx. */
  readonly accept?: readonly number[] | undefined;
  /** Cancels it. */
  readonly signal?: AbortSignal | undefined;
}

const MAX_REDIRECTS = 10;

/** An address for messages: without query, which may hold a signature, and without user name. */
export function publicUrl(url: URL): string {
  return url.origin + url.pathname;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** A token travels to the origin it belongs to, encrypted or within this machine. */
export function mayCarryToken(url: URL, settings: Pick<HttpSettings, "origin">): boolean {
  return url.origin === settings.origin && (url.protocol === "https:" || isLoopback(url.hostname));
}

/**
 * Where a redirect leads: to https, or to http from a server that was asked by http itself.
 *
 * @throws {RemoteError} for any other scheme.
 */
export function checkRedirect(from: URL, response: Response, doing: string): URL {
  const location = response.headers.get("location");
  const to = location === null ? null : URL.parse(location, from);
  const target = to === null ? JSON.stringify(location) : `${to.protocol}//${to.host}`;
  const safe = to !== null &&
    (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:"));
  if (safe) return to;
  throw new RemoteError(
    `Refused a redirect while ${doing}: ${from.origin} sends to ${target}, ` +
      `but only ${from.protocol === "http:" ? "http and https" : "https"} is followed`,
    response.status,
  );
}

async function headersFor(
  url: URL,
  request: HttpRequest,
  settings: HttpSettings,
): Promise<Headers> {
  const headers = new Headers({ "user-agent": "denoise", ...request.headers });
  if (settings.token !== undefined && mayCarryToken(url, settings)) {
    headers.set("authorization", `Bearer ${settings.token}`);
  }
  if (settings.sign === undefined || url.origin !== settings.origin) return headers;
  return await settings.sign(url, headers);
}

async function send(url: URL, request: HttpRequest, settings: HttpSettings): Promise<Response> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  const timer = setTimeout(abort, settings.timeout);
  request.signal?.addEventListener("abort", abort, { once: true });
  try {
    const headers = await headersFor(url, request, settings);
    return await fetch(url, { headers, redirect: "manual", signal: stop.signal });
  } catch (error) {
    request.signal?.throwIfAborted();
    const why = stop.signal.aborted
      ? `no answer within ${settings.timeout / 1000} s`
      : reason(error);
    throw new RemoteError(
      `Cannot reach ${url.origin} while ${request.doing}: ${why}; is there a network? HF_HUB_OFFLINE=1 ` +
        "takes what is in the cache, HF_ENDPOINT names another Hub",
      undefined,
      isDenied(error),
    );
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener("abort", abort);
  }
}

/** The reason of a failed fetch, without addresses: those of downloads are signed. */
function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\(?https?:\/\/[^\s)]+\)?:?\s*/g, "").replace(/\s+/g, " ").trim();
}

async function follow(start: URL, request: HttpRequest, settings: HttpSettings): Promise<Response> {
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await send(url, request, settings);
    if (![301, 302, 303, 307, 308].includes(response.status)) return response;
    await response.body?.cancel();
    url = checkRedirect(url, response, request.doing);
  }
  throw new RemoteError(
    `Gave up ${request.doing}: ${start.origin} redirected more than ${MAX_REDIRECTS} times`,
    302,
  );
}

/** What a server says in the body or the headers of an error. */
async function complaint(response: Response, stall: number): Promise<string> {
  const header = response.headers.get("x-error-message");
  const body = await readBody(response, 10_000, { doing: "reading an error", stall })
    .catch(() => new Uint8Array());
  if (header !== null) return header.slice(0, 300);
  const text = new TextDecoder().decode(body);
  const said = text.match(/"error"\s*:\s*"((?:[^"\\]|\\.){1,300})"/)?.[1];
  return said ?? response.statusText;
}

/**
 * Sends a GET request and gives its answer, whose body is not read yet.
 *
 * @throws {RemoteError} for an answer that is an error, or none.
 */
export async function get(
  url: string | URL,
  request: HttpRequest,
  settings: HttpSettings,
): Promise<Response> {
  const start = new URL(url);
  for (let attempt = 0;; attempt++) {
    request.signal?.throwIfAborted();
    let failure: RemoteError;
    let wait = backoff(attempt, settings.retry);
    try {
      const response = await follow(start, request, settings);
      if (response.ok || request.accept?.includes(response.status)) return response;
      wait = askedDelay(response.headers) ?? wait;
      failure = new RemoteError(
        `Failed ${request.doing}: ${publicUrl(start)} answered ${response.status} ` +
          `(${await complaint(response, settings.stall)})`,
        response.status,
      );
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      failure = error;
    }
    const again = failure.status === undefined ? !failure.isFinal : isTransient(failure.status);
    if (!again || attempt >= settings.retry.retries || wait > settings.retry.longestDelay * 1.25) {
      throw failure;
    }
    await pause(wait, request.signal);
  }
}
