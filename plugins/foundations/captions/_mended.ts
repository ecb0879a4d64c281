import { isBad } from "./_badness.ts";
import { unescapeClear } from "./_entities.ts";

const LIGATURES: Readonly<Record<string, string>> = {
  ...{ "\u0132": "IJ", "\u0133": "ij", "\u0149": "\u02bcn", "\u01f1": "DZ", "\u01f2": "Dz" },
  ...{ "\u01f3": "dz", "\u01c4": "D\u017d", "\u01c5": "D\u017e", "\u01c6": "d\u017e" },
  ...{ "\u01c7": "LJ", "\u01c8": "Lj", "\u01c9": "lj", "\u01ca": "NJ", "\u01cb": "Nj" },
  ...{ "\u01cc": "nj", "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi" },
  ...{ "\ufb04": "ffl", "\ufb05": "\u017ft", "\ufb06": "st" },
};

/** What `fix_text` of ftfy does one after another, in this order. */
const STEPS: readonly ((text: string) => string)[] = [
  (text) =>
    text.replace(
      /[\x80-\x9f]/g,
      (one) => new TextDecoder("windows-1252").decode(Uint8Array.of(one.charCodeAt(0))),
    ),
  (text) => text.replace(/[\u0132-\u01f3\ufb00-\ufb06]/g, (one) => LIGATURES[one] ?? one),
  (text) => text.replace(/[\u3000\uff01-\uffef]/g, (one) => one.normalize("NFKC")),
  (text) => text.replace(/[\u201c-\u201f]/g, '"').replace(/[\u02bc\u2018-\u201b]/g, "'"),
  (text) => text.replace(/\r\n|[\r\u2028\u2029\x85]/g, "\n"),
  (text) => text.toWellFormed(),
  // deno-lint-ignore no-control-regex
  (text) => text.replace(/\x1b\[((?:\d|;)*)([a-zA-Z])/g, ""),
  // deno-lint-ignore no-control-regex
  (text) => text.replace(/[\0-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, ""),
  (text) => text.normalize("NFC"),
];

/**
 * Text without what went wrong with its characters: ligatures, wide letters, curled quotes, controls, references of HTML
 * (`fix_text` of ftfy 6.3.1, Apache-2.0).
 *
 * @param onBad Is told of text in another encoding than it was written in, which ftfy would decode again and which is left
 *   as it is here.
 */
export function mended(text: string, onBad: () => void): string {
  let unescapes = true;
  return text.split(/(?<=\n)/).map((line) => {
    unescapes &&= !line.includes("<");
    let before: string;
    do {
      before = line;
      if (unescapes) line = unescapeClear(line);
      if (isBad(line)) onBad();
      line = STEPS.reduce((text, step) => step(text), line);
    } while (line !== before);
    return line;
  }).join("");
}
