import type { Job, JobEvent } from "../contract/job.ts";
import type { Metrics } from "./metrics.ts";
import { jobTracer } from "./tracing.ts";

/** Turns what jobs tell into numbers and spans. */
export function observeJobs(metrics: Metrics): (job: Job, event: JobEvent) => void {
  const trace = jobTracer();
  return (job, event) => {
    metrics.observe(job, event);
    trace(job, event);
  };
}
