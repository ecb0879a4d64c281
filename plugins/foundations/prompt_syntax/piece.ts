/** A piece of a prompt, and how much it counts: 1 as it stands, more for more, 0 for nothing. */
export interface Piece {
  /** The words, without the syntax around them. */
  readonly text: string;
  /** How much they count. */
  readonly weight: number;
}

/** What is said of a prompt that cannot be read. */
export function unreadable(prompt: string, why: string): SyntaxError {
  const start = prompt.length > 60 ? `${prompt.slice(0, 60)}...` : prompt;
  return new SyntaxError(`Cannot read the prompt ${JSON.stringify(start)}: ${why}`);
}
