/** What a load is done with: what the caller gave, what the source was made with, the environment. */

import type { SourceOptions } from "@denoise/core";
import { ALIASES, type Aliases } from "./aliases.ts";
import { cacheFolder, isOffline, readEnv, timeoutOf } from "./env.ts";
import type { HubApiSettings } from "./api.ts";
import { RETRY_POLICY, type RetryPolicy } from "./retry.ts";
import { findToken } from "./token.ts";

/** How a source fetches, beside what each call says. */
export interface FetchSettings {
  /** Folder of the cache; HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub by default. */
  readonly cacheDir?: string | undefined;
  /** Files fetched at once. Defaults to 8. */
  readonly concurrency?: number | undefined;
  /** How failed requests are repeated. */
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** How long an answer may take to begin, in milliseconds; HF_HUB_ETAG_TIMEOUT or 10,000. */
  readonly timeout?: number | undefined;
  /** How long the next bytes may take, in milliseconds; HF_HUB_DOWNLOAD_TIMEOUT or 30,000. */
  readonly stall?: number | undefined;
}

/** How the Hub is used, beside what each call says. */
export interface HubOptions extends FetchSettings {
  /** Base address of the Hub; HF_ENDPOINT or https://huggingface.co by default. */
  readonly endpoint?: string | undefined;
  /** Access token. Defaults to HF_TOKEN or the one that `hf auth login` stored. */
  readonly token?: string | undefined;
  /**
   * Ids that moved. `false` takes every id as it is, as does DENOISE_HUB_ALIASES=0; a table stands
   * in for the built-in one.
   */
  readonly aliases?: boolean | Aliases | undefined;
}

/** Settings with nothing left open. */
export interface FetchPlanSettings {
  /** Folder of the cache. */
  readonly cache: string;
  /** Whether nothing may be fetched. */
  readonly offline: boolean;
  /** Files fetched at once. */
  readonly concurrency: number;
  /** How failed requests are repeated. */
  readonly retry: RetryPolicy;
  /** How long an answer may take to begin, in milliseconds. */
  readonly timeout: number;
  /** How long the next bytes may take, in milliseconds. */
  readonly stall: number;
  /** Receives what the caller should know. */
  readonly warn: (message: string) => void;
}

/** Completes the settings of a fetch. */
export function fetchSettings(given: FetchSettings, request: SourceOptions): FetchPlanSettings {
  const concurrency = given.concurrency ?? 8;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(
      `Cannot fetch ${concurrency} files at once: concurrency must be an integer from 1`,
    );
  }
  return {
    cache: cacheFolder(request.cacheDir ?? given.cacheDir),
    offline: request.localFilesOnly === true || isOffline(),
    concurrency,
    retry: { ...RETRY_POLICY, ...given.retry },
    timeout: given.timeout ?? timeoutOf("HF_HUB_ETAG_TIMEOUT", 10_000),
    stall: given.stall ?? timeoutOf("HF_HUB_DOWNLOAD_TIMEOUT", 30_000),
    warn: request.onWarning ?? ((message) => console.warn(message)),
  };
}

function checkEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "") {
    throw new TypeError(
      `Cannot use the endpoint ${JSON.stringify(endpoint)}: give an address such as ` +
        `"https://huggingface.co", without user name`,
    );
  }
  return endpoint.replace(/\/+$/, "");
}

/** Settings of the Hub's API. */
export async function apiSettings(
  given: HubOptions,
  request: SourceOptions,
): Promise<HubApiSettings> {
  const { retry, timeout, stall } = fetchSettings(given, request);
  const endpoint = checkEndpoint(
    request.endpoint ?? given.endpoint ?? readEnv("HF_ENDPOINT") ?? "https://huggingface.co",
  );
  const token = await findToken(request.token ?? given.token);
  return { endpoint, origin: new URL(endpoint).origin, token, retry, timeout, stall };
}

/** The table of moved ids in force. */
export function aliasTable(given: HubOptions): Aliases {
  if (typeof given.aliases === "object") return given.aliases;
  const off = given.aliases === false ||
    (given.aliases === undefined &&
      /^(0|off|no|false)$/i.test(readEnv("DENOISE_HUB_ALIASES") ?? ""));
  return off ? {} : ALIASES;
}
