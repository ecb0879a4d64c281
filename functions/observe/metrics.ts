import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Job, JobEvent } from "../contract/job.ts";
import type { ModelCatalog } from "../http/context.ts";

/** What is read at the time of a scrape. */
export interface MetricsNow {
  /** Jobs that wait. */
  readonly waiting: number;
  /** Jobs that run. */
  readonly running: number;
  /** The models. */
  readonly models: ModelCatalog;
}

/** Numbers about the server, for Prometheus. */
export interface Metrics {
  /** Counts a reply. */
  countRequest(door: string, status: number): void;
  /** Counts a request that was turned away. */
  countRejected(reason: string): void;
  /** Takes in what a job tells. */
  observe(job: Job, event: JobEvent): void;
  /** Everything, in the text format. */
  text(now: MetricsNow): Promise<string>;
  /** Media type of that text. */
  readonly contentType: string;
}

/** Upper bounds in seconds, from a step on a GPU to a run on a CPU. */
const SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Makes the metrics of one app; those of the process too when asked for. */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.process) collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `denoise_${name}`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name: `denoise_${name}`, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Histogram({ name: `denoise_${name}`, help, labelNames, registers, buckets: SECONDS });

  const requests = counter("requests_total", "Replies", ["door", "outcome"]);
  const rejected = counter("rejected_total", "Requests that were turned away", ["reason"]);
  const images = counter("images_total", "Images made", ["model"]);
  const nan = counter("nan_outputs_total", "Runs that ended in NaN", ["model"]);
  const waited = histogram("queue_seconds", "Time in the queue", ["model"]);
  const steps = histogram("step_seconds", "Time of a denoising step", ["model"]);
  const prepared = histogram("prepare_seconds", "Time to the end of a run's first step", ["model"]);
  const decoded = histogram("decode_seconds", "Time from latents to images", ["model"]);
  const encoded = histogram("encode_seconds", "Time from images to files", ["model"]);
  const depth = gauge("queue_depth", "Jobs that wait");
  const running = gauge("running_jobs", "Jobs that run");
  const restarts = gauge("engine_restarts_total", "How often the engine was started again");
  const ready = gauge("model_ready", "1 when the model is loaded and has run once", ["model"]);
  const resident = gauge("resident_memory_bytes", "Memory of this process, without the engine's");
  const start = gauge("start_seconds", "Where the last start went", ["phase"]);

  return {
    contentType: registry.contentType,
    countRequest: (door, status) =>
      requests.inc({ door, outcome: status < 400 ? "ok" : status < 500 ? "refused" : "failed" }),
    countRejected: (reason) => rejected.inc({ reason }),
    observe({ model, createdAt }, event): void {
      if (event.type === "started" && event.attempt === 1) {
        waited.observe({ model }, (Date.now() - createdAt) / 1000);
      } else if (event.type === "step" && event.step > 1) {
        steps.observe({ model }, event.stepMs / 1000);
      } else if (event.type === "succeeded") {
        images.inc({ model }, event.images.length);
        prepared.observe({ model }, event.timing.prepareMs / 1000);
        decoded.observe({ model }, event.timing.decodeMs / 1000);
        encoded.observe({ model }, event.timing.encodeMs / 1000);
      } else if (event.type === "failed" && event.failure.code === "nan_output") {
        nan.inc({ model });
      }
    },
    async text({ waiting, running: now, models }): Promise<string> {
      depth.set(waiting);
      running.set(now);
      restarts.set(models.restarts);
      resident.set(Deno.memoryUsage().rss);
      ready.reset();
      const { state } = models;
      if (state.phase === "ready") {
        for (const { id, state: at } of state.models) {
          ready.set({ model: id }, at === "unloaded" ? 0 : 1);
        }
        for (const [name, ms] of Object.entries(state.timing)) {
          start.set({ phase: name.replace(/Ms$/, "") }, ms / 1000);
        }
      }
      return await registry.metrics();
    },
  };
}
