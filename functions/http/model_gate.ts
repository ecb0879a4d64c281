import { withSignal } from "../async/with_signal.ts";
import { ServeError } from "../contract/errors.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { JobQueue } from "../queue/queue.ts";
import type { ModelCatalog } from "./context.ts";

/**
 * Holds requests until the models are loaded: as many as may wait in the queue, and as long as a job
 * may take.
 *
 * @returns A function that resolves to the models; it throws `queue_full`, `timeout`,
 * `model_unavailable`, and the signal's reason.
 */
export function modelGate(
  models: ModelCatalog,
  queue: JobQueue,
  timeoutMs: number,
): (signal: AbortSignal) => Promise<readonly ModelInfo[]> {
  let held = 0;
  return async (signal) => {
    if (models.state.phase === "ready") return models.state.models;
    const { bound } = await queue.depth();
    if (held >= bound) {
      throw new ServeError(
        "queue_full",
        "The models are loading, and enough requests wait for it",
        {
          retryAfterMs: 1_000,
        },
      );
    }
    held++;
    const late = AbortSignal.timeout(timeoutMs);
    try {
      return await withSignal(models.ready(), AbortSignal.any([signal, late]));
    } catch (error) {
      if (!late.aborted) throw error;
      throw new ServeError("timeout", "The models took longer to load than the server allows");
    } finally {
      held--;
    }
  };
}
