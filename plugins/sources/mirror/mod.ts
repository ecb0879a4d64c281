/**
 * Mirrors of repos for hosts that cannot reach the Hub: a folder on a web server or an
 * S3-compatible bucket, named by DENOISE_MIRROR. What comes from a mirror is checked by its hash
 * and kept in the same cache as what comes from the Hub.
 *
 * @example
 * ```ts
 * import { Registry } from "@denoise/core";
 * import { mirror } from "@denoise/mirror";
 *
 * const registry = new Registry({ sources: [mirror({ url: "https://models.example.com/hub" })] });
 * console.log(registry.sourceFor("google/ddpm-cat-256")?.name);
 * ```
 *
 * @module
 */
export type { BucketOptions, S3Credentials } from "./bucket.ts";
export { mirror, type MirrorOptions } from "./mirror.ts";
