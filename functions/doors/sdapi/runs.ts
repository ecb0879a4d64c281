import type { EncodedImage, Job, JobEvent } from "../../contract/job.ts";

/** A run under way, and how far it is. */
export interface Run {
  /** Its job. */
  readonly job: Job;
  /** Steps that are done. */
  step: number;
  /** Steps that it has. */
  of: number;
  /** Milliseconds that are left. */
  etaMs: number;
  /** The latest look at its image. */
  preview?: EncodedImage;
  /** Whether its caller has had enough. */
  interrupted: boolean;
}

/** The runs that this process waits for, of each owner in the order in which they were asked for. */
export class Runs {
  readonly #byOwner = new Map<string, Set<Run>>();

  /** Adds a run. */
  add(job: Job): Run {
    const run: Run = { job, step: 0, of: job.input.steps ?? 0, etaMs: 0, interrupted: false };
    const own = this.#byOwner.get(job.owner) ?? new Set();
    this.#byOwner.set(job.owner, own.add(run));
    return run;
  }

  /** Forgets a run that has ended. */
  remove(run: Run): void {
    const own = this.#byOwner.get(run.job.owner);
    own?.delete(run);
    if (own?.size === 0) this.#byOwner.delete(run.job.owner);
  }

  /** An owner's runs. */
  of(owner: string): readonly Run[] {
    return [...this.#byOwner.get(owner) ?? []];
  }
}

/** Keeps what a run tells. */
export function note(run: Run, event: JobEvent): void {
  if (event.type === "step") {
    run.step = event.step;
    run.of = event.of;
    run.etaMs = event.etaMs;
  }
  if (event.type === "preview") run.preview = event.image;
}

/** How far the first of the runs is, as A1111 tells it. */
export function progressOf(runs: readonly Run[], withImage: boolean): object {
  const [run] = runs;
  const { step = 0, of = 0, etaMs = 0, interrupted = false, job, preview } = run ?? {};
  return {
    progress: of === 0 ? 0 : step / of,
    eta_relative: etaMs / 1000,
    state: {
      skipped: false,
      interrupted,
      job: job === undefined ? "" : job.id,
      job_count: runs.length,
      job_timestamp: timestamp(job?.createdAt ?? 0),
      job_no: 0,
      sampling_step: step,
      sampling_steps: of,
    },
    current_image: withImage ? preview?.bytes.toBase64() ?? null : null,
    textinfo: null,
  };
}

/** A time as A1111 writes it: 20260131235959. */
export function timestamp(ms: number): string {
  return ms === 0 ? "0" : new Date(ms).toISOString().replace(/\D/g, "").slice(0, 14);
}
