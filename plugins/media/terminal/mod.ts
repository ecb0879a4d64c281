/**
 * # Terminal
 *
 * Progress bars, and images in terminals that can show them.
 *
 * @example
 * ```ts
 * import { tqdm } from "@denoise/terminal";
 *
 * for (const timestep of tqdm([999, 666, 333], { desc: "denoise", disable: true })) {
 *   console.log(timestep);
 * }
 * ```
 *
 * @module
 */
export { blocks, type Colours } from "./blocks.ts";
export { ProgressBar, type ProgressOptions, type ProgressStream } from "./progress_bar.ts";
export {
  findGraphicsProtocol,
  type GraphicsProtocol,
  showImage,
  type ShowImageOptions,
} from "./show_image.ts";
export { showProgress } from "./show_progress.ts";
export { tqdm } from "./tqdm.ts";
