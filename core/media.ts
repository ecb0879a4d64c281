import type { Tensor } from "./tensor.ts";

/**
 * What an image was made from; written into its file so that it can be made again.
 *
 * @category Images and audio
 */
export interface Recipe {
  /** A setting, or a group of them. */
  readonly [key: string]: string | number | boolean | null | undefined | Recipe;
}

/** An image that a pipeline made. */
export interface Image {
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
  /** The image as a file of that format. */
  encode(format?: "png" | "jpeg" | "webp", options?: { quality?: number }): Promise<Uint8Array>;
  /** Writes the image; the format follows from the extension (.png, .jpg, .jpeg, .webp). */
  save(path: string | URL): Promise<void>;
}

/**
 * Anything that can be taken as an image: an image, an encoded file's bytes, a path, a tensor.
 *
 * @category Images and audio
 */
export type ImageInput = Image | Uint8Array | string | URL | Tensor;

/** How an image is brought to size. */
export interface ResizeOptions {
  /** Width in pixels; kept as it is by default. */
  readonly width?: number | undefined;
  /** Height in pixels; kept as it is by default. */
  readonly height?: number | undefined;
  /** The filter, as PIL names it. */
  readonly resample?: "nearest" | "bilinear" | "bicubic" | "lanczos" | undefined;
  /** Reduces images that shrink by whole factors first, to so many times their new size, as PIL does. */
  readonly reducingGap?: number | undefined;
}

/** A rectangle of pixels; `right` and `bottom` are left out. */
export interface ImageBox {
  /** First column. */
  readonly left: number;
  /** First row. */
  readonly top: number;
  /** The column behind the last. */
  readonly right: number;
  /** The row behind the last. */
  readonly bottom: number;
}

/** Work on whole images, as inpainting around a mask needs it. */
export interface ImageEditor {
  /** Opens an image, in that mode. */
  open(image: Exclude<ImageInput, Tensor>, mode?: "L" | "RGB"): Promise<Image>;
  /** The part inside a box. */
  crop(image: Image, box: ImageBox): Image;
  /** The part around what a mask marks, in the shape of `width` x `height`. */
  cropRegion(mask: Image, width: number, height: number, pad?: number): ImageBox;
  /** In another size: stretched, or in its own shape with the edges drawn out or cut. */
  resize(
    image: Image,
    width: number,
    height: number,
    options?: Pick<ResizeOptions, "resample"> & {
      readonly fit?: "stretch" | "fill" | "crop" | undefined;
    },
  ): Image;
  /** Blurred by a Gaussian; `radius` is its standard deviation in pixels. */
  blur(image: Image, radius: number): Image;
  /** An inpainted part put back into the image it was cropped from, softly where the mask is grey. */
  overlay(mask: Image, image: Image, inpainted: Image, box?: ImageBox): Image;
}

/** Turns tensors into images and back; provided by an image plugin such as `@denoise/image`. */
export interface ImageCodec {
  /**
   * Images of a batch.
   *
   * @param tensor float32 [N, C, H, W] with values in 0..1, C = 1, 3 or 4.
   * @param recipe What each image was made from.
   * @param bitDepth Bits of a sample in PNG files; 16 for grey images, which no other files hold. Defaults to 8.
   */
  fromTensor(tensor: Tensor, recipe?: (index: number) => Recipe, bitDepth?: 8 | 16): Image[];
  /** An image as float32 [1, C, H, W] in 0..1, resized as Pillow does it. */
  toTensor(
    image: ImageInput,
    options?: ResizeOptions & { mode?: "L" | "RGB" | "RGBA" },
  ): Promise<Tensor>;
  /** Work on whole images, by codecs that can. */
  readonly editor?: ImageEditor | undefined;
}

/** An audio clip that a pipeline made. */
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
  /** The audio as a file. */
  encode(format?: "wav", options?: AudioFileOptions): Promise<Uint8Array>;
  /** Writes the audio; the name must end in .wav. */
  save(path: string | URL, options?: AudioFileOptions): Promise<void>;
}

/** How an audio clip is written. */
export interface AudioFileOptions {
  /** 16-bit integers by default, or the samples as they are. */
  readonly sampleFormat?: "int16" | "float32" | undefined;
}

/** Turns tensors into audio; provided by a plugin such as `@denoise/audio`. */
export interface AudioCodec {
  /**
   * Audio of a batch.
   *
   * @param tensor float32 [N, channels, length] with values in -1..1.
   * @param sampleRate Samples in a second.
   * @param recipe What each audio clip was made from.
   */
  fromTensor(tensor: Tensor, sampleRate: number, recipe?: (index: number) => Recipe): Audio[];
  /** Audio of a path, an address or the bytes of a file, by codecs that can. */
  open?(given: string | URL | Uint8Array): Promise<Audio>;
}
