/** What one key may ask for, where that is less than what all may. */
export interface Quota {
  /** Jobs that may wait at once. */
  readonly places?: number | undefined;
  /** Requests a minute. */
  readonly requestsPerMinute?: number | undefined;
  /** Denoising steps. */
  readonly maxSteps?: number | undefined;
  /** Width times height times images. */
  readonly maxPixels?: number | undefined;
  /** Whether its jobs are served before all others, or after them. Defaults to `"interactive"`. */
  readonly priority?: Priority | undefined;
}

/** Jobs of people who wait are served before those of programs that do not. */
export type Priority = "interactive" | "batch";
