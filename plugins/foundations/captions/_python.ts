/** What Python's regular expressions and strings mean by space (`str.isspace`), for a class of characters. */
export const SPACE =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const WORD = "\\p{L}\\p{N}_";
const DIGIT = "\\p{Nd}";

const CLASSES: Readonly<Record<string, readonly [within: string, alone: string]>> = {
  "\\w": [WORD, `[${WORD}]`],
  "\\s": [SPACE, `[${SPACE}]`],
  "\\d": [DIGIT, `[${DIGIT}]`],
  "\\D": [`\\P{Nd}`, `[^${DIGIT}]`],
  "\\S": ["", `[^${SPACE}]`],
  "\\b": [
    "",
    `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
  ],
};

/**
 * A regular expression of Python that is read as Python reads it: its words, digits and spaces are those of all scripts.
 *
 * @param source With `\w`, `\s` and `\d` in classes of characters, and with `\b`, `\D` and `\S` outside of them.
 */
export function python(source: string, flags = "gu"): RegExp {
  let isWithin = false;
  const read = source.replace(/\\.|\[|\]/gsu, (piece) => {
    if (piece === "[") isWithin = true;
    else if (piece === "]") isWithin = false;
    const [within, alone] = CLASSES[piece] ?? [piece, piece];
    return isWithin ? within : alone;
  });
  return new RegExp(read, flags);
}

const ENDS = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "gu");

/** `str.strip()` of Python. */
export function strip(text: string): string {
  return text.replace(ENDS, "");
}
