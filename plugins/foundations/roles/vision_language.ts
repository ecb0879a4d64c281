import type { ImageInput, Model, Tensor } from "@denoise/core";
import type { HiddenStatesOptions } from "./language_model.ts";
import type { ChatTokenizer } from "./tokenizer.ts";

/** Images in patches, as a language model reads them. */
export interface PatchedImages {
  /** Patches of all images one after the other, float32 [patches, width]. */
  readonly pixelValues: Tensor;
  /** Frames, rows and columns of patches of each image. */
  readonly imageGridThw: readonly (readonly [frames: number, rows: number, columns: number])[];
}

/** The role of a language model that reads images too, as Qwen2_5_VLForConditionalGeneration plays it. */
export interface VisionLanguageModel extends Model {
  /** As of a language model that reads prompts, for a text of one row with images. */
  hiddenStates(
    inputIds: Tensor,
    indices: readonly number[],
    options?: HiddenStatesOptions & { readonly images?: PatchedImages | undefined },
  ): Promise<Tensor[]>;
  /** Images with what the model sees in them, for several texts about the same ones. */
  see(
    images: PatchedImages,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<PatchedImages>;
}

/** The role of what prepares images for it, as Qwen2VLProcessor plays it. */
export interface ImagePatcher {
  /** The class by the name that model_index.json gives it. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** Its options. */
  readonly config: { readonly merge_size: number };
  /** Images in patches. */
  patches(images: readonly ImageInput[]): Promise<PatchedImages>;
  /** Writes its options into a folder that transformers can load. */
  savePretrained(folder: string): Promise<void>;
}

/** The role of a tokenizer that prepares images for its model too, as Qwen3VLProcessor plays it. */
export interface VisionTokenizer extends ChatTokenizer {
  /** What prepares images; undefined where its files say nothing of them. */
  readonly imageProcessor?: Pick<ImagePatcher, "config" | "patches"> | undefined;
}
