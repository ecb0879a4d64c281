import { DenoiseError } from "@denoise/core";
import {
  byteLevelBackend,
  bytePairFileNames,
  type BytePairFiles,
  defineTokenizer,
  type PretrainedTokenizer,
  readBytePairFiles,
  type TokenizerClass,
} from "@denoise/tokenizers";

/** The words that byte pairs are merged in (GPT-2); white space is what Unicode calls so, not JavaScript. */
const WORD = new RegExp(
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+|" +
    "\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+",
  "gu",
);

/** A loaded RobertaTokenizer. */
export type RobertaTokenizer = PretrainedTokenizer;

/**
 * Byte-pair encoding of bytes, with the ids that transformers' `RobertaTokenizer` gives: text is split into
 * words, numbers and punctuation, with the space before them, and put between `<s>` and `</s>`.
 *
 * @example
 * ```ts ignore
 * import { RobertaTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await RobertaTokenizer.fromPretrained("FacebookAI/roberta-base");
 * const { inputIds } = tokenizer.encode("a red fox");
 * console.log(tokenizer.batchDecode(inputIds)); // [ "<s>a red fox</s>" ]
 * ```
 */
export const RobertaTokenizer: TokenizerClass<RobertaTokenizer> = defineTokenizer({
  className: "RobertaTokenizer",
  aliases: ["RobertaTokenizerFast"],
  specialTokens: {
    bos: "<s>",
    eos: "</s>",
    sep: "</s>",
    cls: "<s>",
    unk: "<unk>",
    pad: "<pad>",
    mask: "<mask>",
  },
  modelMaxLength: 512,
  before: "cls",
  behind: "sep",
  fileNames: bytePairFileNames,
  read: readRobertaFiles,
  backend: (files: BytePairFiles, { added }) => byteLevelBackend(files, added, { word: WORD }),
});

async function readRobertaFiles(folder: string): Promise<BytePairFiles> {
  const files = await readBytePairFiles(folder);
  if (files.config["add_prefix_space"] !== true) return files;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot load a RobertaTokenizer from ${JSON.stringify(folder)}: add_prefix_space = true is ` +
      "not supported; supported are false and null",
  );
}
