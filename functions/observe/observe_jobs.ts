import { isLast, type Job, type JobEvent } from "../contract/job.ts";
import { log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { jobTracer } from "./tracing.ts";

/** Turns what jobs tell into numbers and spans, and their ends into a line of the log. */
export function observeJobs(metrics: Metrics): (job: Job, event: JobEvent) => void {
  const trace = jobTracer();
  const startedAt = new Map<string, number>();
  return (job, event) => {
    metrics.observe(job, event);
    trace(job, event);
    if (event.type === "started") startedAt.set(job.id, performance.now());
    if (!isLast(event)) return;
    logEnd(job, event, startedAt.get(job.id));
    startedAt.delete(job.id);
  };
}

/** Who had what made, and what it cost; not what was asked for in words. */
function logEnd({ id, owner, model, task, input }: Job, event: JobEvent, startedAt?: number): void {
  const [image] = event.type === "succeeded" ? event.images : [];
  log.info("job {id} of {owner}: {outcome}", {
    id,
    owner,
    model,
    task,
    outcome: event.type === "failed" ? event.failure.code : event.type,
    images: input.count,
    width: image?.width ?? input.width,
    height: image?.height ?? input.height,
    steps: input.steps,
    runMs: startedAt === undefined ? 0 : Math.round(performance.now() - startedAt),
  });
}
