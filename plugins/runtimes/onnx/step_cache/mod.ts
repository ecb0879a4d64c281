/**
 * Step caches: what a transformer computed at a denoising step is used again at the next ones.
 *
 * @module
 */
import { fasterCache, FasterCacheConfig } from "./faster_cache.ts";
import { firstBlockCache, FirstBlockCacheConfig } from "./first_block.ts";
import { magCache, MagCacheConfig } from "./mag_cache.ts";
import {
  pyramidAttentionBroadcast,
  PyramidAttentionBroadcastConfig,
} from "./pyramid_attention_broadcast.ts";
import type { StepCache } from "./step_cache.ts";
import { taylorSeerCache, TaylorSeerCacheConfig } from "./taylor_seer.ts";

export { cannotCache, cannotStream, fingerprint } from "./step_cache.ts";

/**
 * The cache of a config.
 *
 * @throws {RangeError} for what is no config, with those that there are.
 */
export function stepCache(config: object): StepCache {
  if (config instanceof FirstBlockCacheConfig) return firstBlockCache(config) as StepCache;
  if (config instanceof TaylorSeerCacheConfig) return taylorSeerCache(config) as StepCache;
  if (config instanceof FasterCacheConfig) return fasterCache(config) as StepCache;
  if (config instanceof MagCacheConfig) return magCache(config) as StepCache;
  if (config instanceof PyramidAttentionBroadcastConfig) {
    return pyramidAttentionBroadcast(config) as StepCache;
  }
  throw new RangeError(
    "Cannot cache steps by that: give a FirstBlockCacheConfig, MagCacheConfig, TaylorSeerCacheConfig, FasterCacheConfig or " +
      "PyramidAttentionBroadcastConfig; SeaCache of diffusers is not there, since it looks at the frames of videos",
  );
}
