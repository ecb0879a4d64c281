import { isLast, type Job, type JobEvent } from "../contract/job.ts";
import { log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { jobTracer } from "./tracing.ts";

/** Where lines of the log go that say who had what made; a sink can keep them apart by this category. */
const audit = log.getChild("audit");

/** What is known of a job on its way. */
interface Run {
  readonly startedAt: number;
  readonly queueMs: number;
  readonly attempts: number;
  readonly steps: number;
}

/** Turns what jobs tell into numbers and spans, and their ends into a line of the log. */
export function observeJobs(metrics: Metrics): (job: Job, event: JobEvent) => void {
  const trace = jobTracer();
  const runs = new Map<string, Run>();
  return (job, event) => {
    metrics.observe(job, event);
    trace(job, event);
    const run = runs.get(job.id);
    if (event.type === "started") {
      const queueMs = run?.queueMs ?? Math.max(0, Date.now() - job.createdAt);
      const { attempt: attempts } = event;
      runs.set(job.id, { startedAt: performance.now(), queueMs, attempts, steps: run?.steps ?? 0 });
    }
    if (event.type === "step" && run !== undefined) {
      runs.set(job.id, { ...run, steps: run.steps + 1 });
    }
    if (!isLast(event)) return;
    logEnd(job, event, run);
    runs.delete(job.id);
  };
}

/** Who had what made, and what it cost; not what was asked for in words. */
function logEnd(
  { id, owner, model, task, input, priority }: Job,
  event: JobEvent,
  run?: Run,
): void {
  const [image] = event.type === "succeeded" ? event.images : [];
  const [audio] = event.type === "succeeded" ? event.audios ?? [] : [];
  const width = image?.width ?? input.width;
  const height = image?.height ?? input.height;
  audit.info("job {id} of {owner}: {outcome}", {
    id,
    owner,
    model,
    task,
    priority,
    outcome: event.type === "failed" ? event.failure.code : event.type,
    images: input.count,
    width,
    height,
    seconds: audio?.seconds ?? input.seconds,
    steps: run?.steps ?? 0,
    attempts: run?.attempts ?? 0,
    queueMs: run?.queueMs,
    runMs: run === undefined ? 0 : Math.round(performance.now() - run.startedAt),
  });
}
