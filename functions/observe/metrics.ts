import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Job, JobEvent } from "../contract/job.ts";
import type { ModelDepth } from "../queue/queue.ts";
import type { ModelCatalog } from "../http/context.ts";

/** What is read at the time of a scrape. */
export interface MetricsNow {
  /** Jobs that wait. */
  readonly waiting: number;
  /** Jobs that run. */
  readonly running: number;
  /** The same by model. */
  readonly byModel: readonly ModelDepth[];
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

/** How many engines of this process take jobs. */
function ownEngines(models: ModelCatalog): number {
  const { devices } = models;
  if (devices !== undefined) return devices.filter(({ phase }) => phase === "ready").length;
  return models.state.phase === "ready" ? 1 : 0;
}

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
  const audios = counter("audios_total", "Audio clips made", ["model"]);
  const nan = counter("nan_outputs_total", "Runs that ended in NaN", ["model"]);
  const waited = histogram("queue_seconds", "Time in the queue", ["model"]);
  const steps = histogram("step_seconds", "Time of a denoising step", ["model"]);
  const prepared = histogram("prepare_seconds", "Time to the end of a run's first step", ["model"]);
  const decoded = histogram("decode_seconds", "Time from latents to images or audio", ["model"]);
  const encoded = histogram("encode_seconds", "Time from images or audio to files", ["model"]);
  const depth = gauge("queue_depth", "Jobs that wait");
  const running = gauge("running_jobs", "Jobs that run");
  const depthOf = gauge("model_queue_depth", "Jobs that wait for a model", ["model"]);
  const runningOf = gauge("model_running_jobs", "Jobs of a model that run", ["model"]);
  const enginesOf = gauge("model_engines", "Engines that take the jobs of a model", ["model"]);
  const waitOf = gauge(
    "model_wait_seconds",
    "How long a job of a model that comes now will wait, by how long runs have taken",
    ["model"],
  );
  const devices = gauge("device_ready", "1 when the engine of a device is ready", ["device"]);
  const held = gauge("device_weight_bytes", "Weights that a device holds", ["device"]);
  const free = gauge("device_free_bytes", "Memory of a card that is free", ["device"]);
  const restarts = gauge("engine_restarts_total", "How often the engine was started again");
  const modelReady = gauge("model_ready", "1 when the model is loaded and has run once", ["model"]);
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
        audios.inc({ model }, event.audios?.length ?? 0);
        prepared.observe({ model }, event.timing.prepareMs / 1000);
        decoded.observe({ model }, event.timing.decodeMs / 1000);
        encoded.observe({ model }, event.timing.encodeMs / 1000);
      } else if (event.type === "failed" && event.failure.code === "nan_output") {
        nan.inc({ model });
      }
    },
    async text({ waiting, running: now, byModel, models }): Promise<string> {
      for (const each of [depthOf, runningOf, enginesOf, waitOf, devices, held, free]) each.reset();
      const { state } = models;
      const own = ownEngines(models);
      const ready = state.phase === "ready" ? state.models.map(({ id }) => id) : [];
      for (const model of new Set([...ready, ...byModel.map(({ model }) => model)])) {
        const found = byModel.find((one) => one.model === model);
        const { waiting = 0, running = 0, runMs, engines = own } = found ?? {};
        depthOf.set({ model }, waiting);
        runningOf.set({ model }, running);
        enginesOf.set({ model }, engines);
        const before = Math.max(0, waiting + running - engines + 1);
        if (before === 0) waitOf.set({ model }, 0);
        else if (runMs !== undefined && engines > 0) {
          waitOf.set({ model }, before * runMs / 1000 / engines);
        }
      }
      for (const { device, phase, heldBytes, freeBytes } of models.devices ?? []) {
        devices.set({ device }, phase === "ready" ? 1 : 0);
        held.set({ device }, heldBytes);
        if (freeBytes !== undefined) free.set({ device }, freeBytes);
      }
      depth.set(waiting);
      running.set(now);
      restarts.set(models.restarts);
      resident.set(Deno.memoryUsage().rss);
      modelReady.reset();
      if (state.phase === "ready") {
        for (const { id, state: at } of state.models) {
          modelReady.set({ model: id }, at === "unloaded" ? 0 : 1);
        }
        for (const [name, ms] of Object.entries(state.timing)) {
          start.set({ phase: name.replace(/Ms$/, "") }, ms / 1000);
        }
      }
      return await registry.metrics();
    },
  };
}
