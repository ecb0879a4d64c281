import {
  aroundTexts,
  bytePairFileNames,
  type BytePairFiles,
  defineTokenizer,
  pieceBackend,
  type PretrainedTokenizer,
  readBytePairFiles,
  type TokenizerClass,
} from "@denoise/tokenizers";

const SPECIAL = { bos: "<bos>", eos: "<eos>", unk: "<unk>", pad: "<pad>", mask: "<mask>" };

/** A loaded GemmaTokenizer. */
export type GemmaTokenizer = PretrainedTokenizer;

/**
 * Byte-pair encoding of characters, with the ids that transformers' `GemmaTokenizer` gives: `<bos>` stands
 * before each text where the files say so, and rows are filled up on the left unless the files say otherwise.
 *
 * @example
 * ```ts ignore
 * import { GemmaTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await GemmaTokenizer.fromPretrained("google/gemma-2-2b-it");
 * const { inputIds } = tokenizer.encode("a red fox");
 * console.log(tokenizer.batchDecode(inputIds)); // [ "<bos>a red fox" ]
 * ```
 */
export const GemmaTokenizer: TokenizerClass = defineTokenizer({
  className: "GemmaTokenizer",
  aliases: ["GemmaTokenizerFast"],
  specialTokens: SPECIAL,
  around: (files) => aroundTexts(files, SPECIAL),
  fileNames: [...bytePairFileNames, "tokenizer.model"],
  read: readGemmaFiles,
  backend: (files, { added, roles }) =>
    pieceBackend(files, added, { unk: roles.unk ?? SPECIAL.unk, prefix: "none" }),
});

async function readGemmaFiles(folder: string): Promise<BytePairFiles> {
  const files = await readBytePairFiles(folder);
  return { ...files, config: { padding_side: "left", ...files.config } };
}
