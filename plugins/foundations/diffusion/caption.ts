import { cleanCaption as clean } from "@denoise/captions";
import type { CallOptions } from "@denoise/core";

/** How captions are read before they become tokens, by families whose texts were cleaned in training. */
export interface CaptionOptions {
  /**
   * Whether addresses, markup, file names and the like are taken out of texts, as diffusers does where bs4 and ftfy are
   * installed. Without it they are read in lower case without space around them, as diffusers does where these are not
   * installed, whatever it is asked for. Defaults to false.
   */
  readonly cleanCaption?: boolean | undefined;
}

/** The declarations of {@linkcode CaptionOptions}. */
export const captionOptions: CallOptions<CaptionOptions> = { cleanCaption: { type: "boolean" } };

/** What reads the captions of a call (`_text_preprocessing` of diffusers). */
export function captionReader(
  { cleanCaption = false }: CaptionOptions,
  warn: (message: string) => void,
): (text: string) => string {
  return cleanCaption ? (text) => clean(text, warn) : (text) => text.toLowerCase().trim();
}
