/** A fenced block of a page: its language, the file name behind it if there is one, its text. */
export interface DocBlock {
  readonly language: string;
  readonly file: string | undefined;
  readonly text: string;
}

/** The fenced blocks of a Markdown page, in their order. */
export function docBlocks(page: string): DocBlock[] {
  return [...page.matchAll(/^```(\w+)(?: +(\S+))?\n(.*?)^```$/gms)]
    .map(([_, language, file, text]) => ({ language: language!, file, text: text! }));
}
