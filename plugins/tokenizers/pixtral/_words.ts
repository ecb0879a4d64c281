import { DenoiseError } from "@denoise/core";
import type { TokenizerSettings } from "@denoise/tokenizers";

interface Step {
  readonly type: string;
  readonly pretokenizers?: readonly Step[];
  readonly pattern?: { readonly Regex?: string };
  readonly behavior?: string;
  readonly invert?: boolean;
  readonly add_prefix_space?: boolean;
  readonly use_regex?: boolean;
}

/**
 * The words that byte pairs are merged in, as tokenizer.json has them: an expression, then bytes.
 *
 * @throws {DenoiseError} `unsupported_option` for other steps.
 */
export function wordsOf({ preTokenizer }: TokenizerSettings, folder: string): RegExp {
  const whole = preTokenizer as Step | null | undefined;
  const [split, bytes, ...others] = whole?.pretokenizers ?? [];
  const isKnown = others.length === 0 &&
    split?.type === "Split" && split.behavior === "Isolated" && split.invert !== true &&
    bytes?.type === "ByteLevel" && bytes.add_prefix_space !== true && bytes.use_regex === false;
  const pattern = split?.pattern?.Regex;
  if (isKnown && pattern !== undefined) return asRegExp(pattern);
  throw new DenoiseError(
    "unsupported_option",
    `Cannot load a tokenizer from ${JSON.stringify(folder)}: pre_tokenizer of tokenizer.json is ` +
      `${
        JSON.stringify(preTokenizer)
      }; supported are texts that are split by an expression and then taken as bytes`,
  );
}

/** An expression of Oniguruma's as one of JavaScript's: white space is what Unicode calls so. */
function asRegExp(pattern: string): RegExp {
  const translated = pattern.replaceAll(
    /\\(.)/gsu,
    (whole, letter) =>
      letter === "s" ? "\\p{White_Space}" : letter === "S" ? "\\P{White_Space}" : whole,
  );
  return new RegExp(translated, "gu");
}
