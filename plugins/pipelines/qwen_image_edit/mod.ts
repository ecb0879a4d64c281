/**
 * QwenImageEditPipeline: an image changed as a text says, with Qwen-Image-Edit (Qwen Team, 2025,
 * arXiv:2508.02324). Images are brought to about 1024² pixels in their own shape.
 *
 * Positions of image tokens in the language model are those that it was trained with; diffusers 0.42.1 with
 * transformers 5 leaves them out. Not covered: `guidanceScale`, which no such model has learned.
 *
 * @example
 * ```ts ignore
 * import { QwenImageEditPipeline } from "@denoise/denoise";
 *
 * const pipe = await QwenImageEditPipeline.fromPretrained("Qwen/Qwen-Image-Edit");
 * const { images } = await pipe("put a hat on the cat", {
 *   image: "cat.png",
 *   negativePrompt: " ",
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import {
  qwenImageEdit,
  type QwenImageEditCallArguments,
  type QwenImageEditCallOptions,
  type QwenImageEditor,
  type QwenImageEditorClass,
  qwenImageEditPipeline,
} from "@denoise/qwen-image";

/** Options of a call. */
export interface QwenImageEditOptions extends QwenImageEditCallOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageEditArguments = QwenImageEditCallArguments;

/** A loaded QwenImageEditPipeline. */
export type QwenImageEditPipeline = QwenImageEditor;

/** Images and text to images with Qwen-Image-Edit; `QwenImageEditPipeline` of diffusers. */
export const QwenImageEditPipeline: QwenImageEditorClass = qwenImageEditPipeline(
  "QwenImageEditPipeline",
  qwenImageEdit,
  1,
);
