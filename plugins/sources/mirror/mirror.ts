import type { ComponentLocation, Source, SourceRequest } from "@denoise/core";
import {
  fetchRepo,
  type FetchSettings,
  fetchSettings,
  type HttpSettings,
  isRepoId,
  readEnv,
} from "@denoise/hub/remote";
import type { BucketOptions } from "./bucket.ts";
import { folderStore, type Store } from "./store.ts";

/** Where a mirror is. */
export interface MirrorOptions extends FetchSettings {
  /**
   * `https://host/folder` or `s3://bucket/prefix`. Defaults to DENOISE_MIRROR. Without either the
   * source takes no id.
   */
  readonly url?: string | undefined;
  /** Sent as a Bearer token to a web server. Defaults to DENOISE_MIRROR_TOKEN. */
  readonly token?: string | undefined;
  /** Endpoint, region and keys of a bucket. */
  readonly s3?: BucketOptions | undefined;
}

/**
 * The store at a mirror's address.
 *
 * @throws {TypeError} for an address that is neither a web folder nor a bucket.
 */
async function storeAt(
  address: string,
  options: MirrorOptions,
  request: SourceRequest,
): Promise<Store> {
  const url = URL.parse(address);
  const { retry, timeout, stall } = fetchSettings(options, request);
  const settings: HttpSettings = { origin: url?.origin ?? "", retry, timeout, stall };
  const path = url?.pathname.replace(/^\/+|\/+$/g, "") ?? "";
  if (url?.protocol === "s3:" && url.hostname !== "") {
    const { bucketStore } = await import("./bucket.ts");
    return bucketStore(url.hostname, decodeURIComponent(path), options.s3 ?? {}, settings);
  }
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "") {
    const token = options.token ?? readEnv("DENOISE_MIRROR_TOKEN");
    const base = path === "" ? url.origin : `${url.origin}/${path}`;
    return folderStore(base, { ...settings, token });
  }
  throw new TypeError(
    `Cannot use the mirror ${JSON.stringify(address)}: give "https://host/folder" or ` +
      `"s3://bucket/prefix", without user name or password, as DENOISE_MIRROR or { url }`,
  );
}

/**
 * A mirror of repos as a source, for hosts that cannot reach the Hub: a folder on a web server, or
 * an S3-compatible bucket. It takes every repo id while its address is known, so it stands before
 * the Hub in a registry.
 *
 * @example
 * ```ts
 * import { mirror } from "@denoise/mirror";
 * import { assert } from "@std/assert";
 *
 * const source = mirror({ url: "s3://models/diffusers" });
 * assert(source.accepts("google/ddpm-cat-256"));
 * ```
 */
export function mirror(options: MirrorOptions = {}): Source {
  const address = () => options.url ?? readEnv("DENOISE_MIRROR");
  return {
    name: "mirror",
    accepts: (id) => address() !== undefined && isRepoId(id),
    async fetch(id: string, request: SourceRequest): Promise<ComponentLocation> {
      const at = address();
      if (at === undefined) {
        throw new TypeError(`Cannot load ${id} from a mirror: set DENOISE_MIRROR or pass { url }`);
      }
      const { mirrorRemote } = await import("./remote.ts");
      const remote = mirrorRemote(await storeAt(at, options, request));
      const { path, id: found, commit } = await fetchRepo(
        remote,
        id,
        request,
        fetchSettings(options, request),
      );
      return { path, id: found, commit };
    },
  };
}
