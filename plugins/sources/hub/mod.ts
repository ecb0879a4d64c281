/**
 * The Hugging Face Hub as a source of repos. A repo is downloaded once, exactly the files that
 * diffusers would choose (never a pickle), resumed when the connection breaks, checked by its hash
 * before it becomes visible, and kept in the cache that Python's huggingface_hub uses too: what one
 * downloaded, the other loads without a network.
 *
 * @example Download ahead, then load with no network
 * ```ts ignore
 * import { prefetch } from "@denoise/hub";
 *
 * const repo = await prefetch("google/ddpm-cat-256");
 * console.log(repo.path, repo.files);
 * ```
 *
 * @module
 */
export { ALIASES, type Aliases } from "./aliases.ts";
export type { FetchedRepo } from "./fetch.ts";
export { hub, prefetch, type PrefetchOptions } from "./hub.ts";
export { inspect, type InspectOptions, type InspectReport } from "./inspect.ts";
export type { InspectedComponent } from "./inspect_component.ts";
export {
  type CachedCommit,
  type CachedRepo,
  type CacheOptions,
  listCache,
  removeFromCache,
  type RemoveOptions,
} from "./manage.ts";
export { type FilePlan, type PipelinePlanOptions, planPipeline } from "./plan.ts";
export { type ComponentPlanOptions, planComponent } from "./plan_component.ts";
export { RemoteError } from "./remote_error.ts";
export type { RetryPolicy } from "./retry.ts";
export type { FetchSettings, HubOptions } from "./settings.ts";
export { tokenOrigin } from "./token.ts";
export type { ComponentProblem } from "./try_component.ts";
export { type BrokenFile, verify, type VerifyOptions, type VerifyReport } from "./verify.ts";
