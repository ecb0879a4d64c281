import type { Tensor } from "./tensor.ts";

/** What a picture was made from; written into its file so that it can be made again. */
export interface Recipe {
  /** A setting, or a group of them. */
  readonly [key: string]: string | number | boolean | null | undefined | Recipe;
}

/** A picture that a pipeline made. */
export interface Picture {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Samples of a pixel: 1 (grey), 3 (RGB) or 4 (RGBA). */
  readonly channels: number;
  /** The pixels row by row, `channels` bytes each. */
  readonly data: Uint8Array;
  /** What it was made from. */
  readonly recipe?: Recipe | undefined;
  /** The picture as a file of that format. */
  encode(format?: "png" | "jpeg", options?: { quality?: number }): Promise<Uint8Array>;
  /** Writes the picture; the format follows from the extension (.png, .jpg, .jpeg). */
  save(path: string | URL): Promise<void>;
}

/** Anything that can be taken as a picture: a picture, an encoded file's bytes, a path, a tensor. */
export type PictureInput = Picture | Uint8Array | string | URL | Tensor;

/** How a picture is brought to size. */
export interface ResizeOptions {
  /** Width in pixels; as it is unless given. */
  readonly width?: number | undefined;
  /** Height in pixels; as it is unless given. */
  readonly height?: number | undefined;
  /** The filter, as PIL names it. */
  readonly resample?: "nearest" | "bilinear" | "bicubic" | "lanczos" | undefined;
}

/** A rectangle of pixels; `right` and `bottom` are left out. */
export interface PictureBox {
  /** First column. */
  readonly left: number;
  /** First row. */
  readonly top: number;
  /** The column behind the last. */
  readonly right: number;
  /** The row behind the last. */
  readonly bottom: number;
}

/** Work on whole pictures, as inpainting around a mask needs it. */
export interface PictureEditor {
  /** Opens a picture, in that mode. */
  open(picture: Exclude<PictureInput, Tensor>, mode?: "L" | "RGB"): Promise<Picture>;
  /** The part inside a box. */
  crop(picture: Picture, box: PictureBox): Picture;
  /** The part around what a mask marks, in the shape of `width` x `height`. */
  cropRegion(mask: Picture, width: number, height: number, pad?: number): PictureBox;
  /** In another size: stretched, or in its own shape with the edges drawn out or cut. */
  resize(
    picture: Picture,
    width: number,
    height: number,
    options?: Pick<ResizeOptions, "resample"> & {
      readonly fit?: "stretch" | "fill" | "crop" | undefined;
    },
  ): Picture;
  /** Blurred by a Gaussian; `radius` is its standard deviation in pixels. */
  blur(picture: Picture, radius: number): Picture;
  /** A painted part put back into the picture it was cropped from, softly where the mask is grey. */
  overlay(mask: Picture, picture: Picture, painted: Picture, box?: PictureBox): Picture;
}

/** Turns tensors into pictures and back; provided by an image plugin such as `@denoise/image`. */
export interface PictureCodec {
  /**
   * Pictures of a batch.
   *
   * @param tensor float32 [N, C, H, W] with values in 0..1, C = 1, 3 or 4.
   * @param recipe What each picture was made from.
   */
  fromTensor(tensor: Tensor, recipe?: (index: number) => Recipe): Picture[];
  /** A picture as float32 [1, C, H, W] in 0..1, resized as Pillow does it. */
  toTensor(
    picture: PictureInput,
    options?: ResizeOptions & { mode?: "L" | "RGB" },
  ): Promise<Tensor>;
  /** Work on whole pictures, by codecs that can. */
  readonly editor?: PictureEditor | undefined;
}

/** A sound that a pipeline made. */
export interface Audio {
  /** Samples in a second. */
  readonly sampleRate: number;
  /** 1 (mono), 2 (stereo) or more. */
  readonly channels: number;
  /** Samples of a channel. */
  readonly length: number;
  /** Length in seconds. */
  readonly duration: number;
  /** The samples in -1..1, one channel after the other: [channels, length]. */
  readonly data: Float32Array;
  /** What it was made from. */
  readonly recipe?: Recipe | undefined;
  /** The sound as a file. */
  encode(format?: "wav", options?: AudioFileOptions): Promise<Uint8Array>;
  /** Writes the sound; the name must end in .wav. */
  save(path: string | URL, options?: AudioFileOptions): Promise<void>;
}

/** How a sound is written. */
export interface AudioFileOptions {
  /** 16-bit integers unless given, or the samples as they are. */
  readonly sampleFormat?: "int16" | "float32" | undefined;
}

/** Turns tensors into sounds; provided by a plugin such as `@denoise/audio`. */
export interface AudioCodec {
  /**
   * Sounds of a batch.
   *
   * @param tensor float32 [N, channels, length] with values in -1..1.
   * @param sampleRate Samples in a second.
   * @param recipe What each sound was made from.
   */
  fromTensor(tensor: Tensor, sampleRate: number, recipe?: (index: number) => Recipe): Audio[];
}
