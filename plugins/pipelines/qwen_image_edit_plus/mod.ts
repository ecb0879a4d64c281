/**
 * QwenImageEditPlusPipeline: images changed and put together as a text says, with Qwen-Image-Edit-2509 and 2511 (Qwen Team, 2025,
 * arXiv:2508.02324). Images are brought to about 1024² pixels in their own shape.
 *
 * Positions of image tokens in the language model are those that it was trained with; diffusers 0.42.1 with
 * transformers 5 leaves them out. Not covered: `guidanceScale`, which no such model has learned.
 *
 * @example
 * ```ts ignore
 * import { QwenImageEditPlusPipeline } from "@denoise/denoise";
 *
 * const pipe = await QwenImageEditPlusPipeline.fromPretrained("Qwen/Qwen-Image-Edit-2509");
 * const { images } = await pipe("the cat of picture 1 on the sofa of picture 2", {
 *   image: ["cat.png", "sofa.png"],
 *   negativePrompt: " ",
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import {
  type QwenImageEditCallArguments,
  type QwenImageEditCallOptions,
  type QwenImageEditor,
  type QwenImageEditorClass,
  qwenImageEditPipeline,
  qwenImageEditPlus,
} from "@denoise/qwen-image";

/** Options of a call. */
export interface QwenImageEditPlusOptions extends QwenImageEditCallOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageEditPlusArguments = QwenImageEditCallArguments;

/** A loaded QwenImageEditPlusPipeline. */
export type QwenImageEditPlusPipeline = QwenImageEditor;

/** Images and text to images with Qwen-Image-Edit-2509 and 2511; `QwenImageEditPlusPipeline` of diffusers. */
export const QwenImageEditPlusPipeline: QwenImageEditorClass = qwenImageEditPipeline(
  "QwenImageEditPlusPipeline",
  qwenImageEditPlus,
  10,
);
