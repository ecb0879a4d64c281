import type { CallOptions } from "@denoise/core";

/** How captions are read before they become tokens, by families whose texts were cleaned in training. */
export interface CaptionOptions {
  /**
   * Texts are read in lower case without space around them, as diffusers does where bs4 and ftfy are not
   * installed. True warns that nothing more is cleaned. Defaults to false.
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
  if (cleanCaption) {
    warn("cleanCaption: texts are read in lower case; addresses and the like stay in them");
  }
  return (text) => text.toLowerCase().trim();
}
