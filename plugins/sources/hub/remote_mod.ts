/**
 * For places that repos lie in beside the Hub: whoever can find a commit, list its files and read
 * them gets plan, download, checks and cache from here.
 *
 * @example
 * ```ts ignore
 * import { fetchRepo, fetchSettings, type Remote } from "@denoise/hub/remote";
 *
 * const shelf: Remote = { name: "the shelf", resolve, list, open };
 * const request = { want: "pipeline" } as const;
 * const repo = await fetchRepo(shelf, "me/cat", request, fetchSettings({}, request));
 * ```
 *
 * @module
 */
export { type BodyOptions, readBody } from "./body.ts";
export { readEnv } from "./env.ts";
export { type FetchedRepo, fetchRepo } from "./fetch.ts";
export { get, type HttpRequest, type HttpSettings } from "./http.ts";
export { checkBlobName, checkFileName, isCommit, isRepoId } from "./id.ts";
export {
  blobName,
  type OpenOptions,
  type Remote,
  type RepoFile,
  type ResolvedRepo,
  type ResolveOptions,
} from "./remote.ts";
export { RemoteError } from "./remote_error.ts";
export { RETRY_POLICY, type RetryPolicy } from "./retry.ts";
export { type FetchPlanSettings, type FetchSettings, fetchSettings } from "./settings.ts";
export { formatTree, parseTree } from "./tree.ts";
