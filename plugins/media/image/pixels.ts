/** Pixels of 8 bits a sample, row by row; every {@linkcode Image} of the core is one. */
export interface Pixels {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Samples of a pixel: 1 (grey), 3 (RGB) or 4 (RGBA). */
  readonly channels: number;
  /** `width * height * channels` bytes. */
  readonly data: Uint8Array;
}
