/** What a request may ask for at most. */
export interface Limits {
  /** Denoising steps. */
  readonly maxSteps: number;
  /** Images of one request. */
  readonly maxImages: number;
  /** Pixels of a side. */
  readonly maxSide: number;
  /** Width times height times images; by the model's own size where it is undefined. */
  readonly maxPixels: number | undefined;
  /** Seconds of an audio clip; by the model's own length where it is undefined. */
  readonly maxSeconds: number | undefined;
  /** Bytes of a prompt in UTF-8, checked before it is cut into tokens. */
  readonly maxPromptBytes: number;
  /** Bytes of a given image's file. */
  readonly maxImageBytes: number;
  /** Bytes of a request's body without images. */
  readonly maxBodyBytes: number;
  /** Bytes of a request's body with images. */
  readonly maxUploadBytes: number;
  /** Bytes of all bodies that are read at once, and again of all images that wait in the queue. */
  readonly maxHeldBytes: number;
  /** Previews of one run. */
  readonly maxPreviews: number;
  /** Milliseconds from the acceptance of a job to its end. */
  readonly jobTimeoutMs: number;
  /** Milliseconds that a job may wait for an engine; `jobTimeoutMs` where it is undefined. */
  readonly queueTimeoutMs: number | undefined;
  /** Milliseconds from then to its end; `jobTimeoutMs` where it is undefined. */
  readonly runTimeoutMs: number | undefined;
  /** Milliseconds that a result can be fetched after its end. */
  readonly resultTtlMs: number;
  /** Requests a minute for each key; 0 for any number. */
  readonly requestsPerMinute: number;
}

/** Smallest side of an image in pixels. */
export const MIN_SIDE = 8;

/** Seconds of audio that no server makes more of. */
export const MAX_SECONDS = 3_600;

/** The limits that hold where nothing else is said. */
export const DEFAULT_LIMITS: Limits = {
  maxSteps: 150,
  maxImages: 10,
  maxSide: 2048,
  maxPixels: undefined,
  maxSeconds: undefined,
  maxPromptBytes: 8_000,
  maxImageBytes: 20_000_000,
  maxBodyBytes: 1_000_000,
  maxUploadBytes: 32_000_000,
  maxHeldBytes: 512_000_000,
  maxPreviews: 16,
  jobTimeoutMs: 600_000,
  queueTimeoutMs: undefined,
  runTimeoutMs: undefined,
  resultTtlMs: 600_000,
  requestsPerMinute: 0,
};
