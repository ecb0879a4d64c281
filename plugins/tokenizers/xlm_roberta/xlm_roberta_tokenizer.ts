import { DenoiseError } from "@denoise/core";
import {
  defineTokenizer,
  type PretrainedTokenizer,
  readUnigramFiles,
  resolveSpecialTokens,
  type TokenizerClass,
  unigramBackend,
  unigramFileNames,
  type UnigramFiles,
  type UnigramLayout,
  unigramTokens,
} from "@denoise/tokenizers";

/** What stands where the files say nothing. */
const SPECIAL = {
  bos: "<s>",
  eos: "</s>",
  sep: "</s>",
  cls: "<s>",
  unk: "<unk>",
  pad: "<pad>",
  mask: "<mask>",
};

/** Pieces of the SentencePiece model whose places others take: those of unknown text, beginnings and ends. */
const REPLACED = 3;

/** fairseq's order: four special tokens, then the pieces, then the mask. */
const LAYOUT: UnigramLayout = {
  fileName: "sentencepiece.bpe.model",
  unkId: 3,
  arrange(pieces, settings) {
    const { roles } = resolveSpecialTokens({ ...settings, vocab: {} }, SPECIAL);
    const { bos, pad, eos, unk, mask } = { ...SPECIAL, ...roles };
    return [
      ...[bos, pad, eos, unk].map((token) => [token, 0] as const),
      ...pieces.slice(REPLACED),
      [mask, 0],
    ];
  },
};

/** A loaded XLMRobertaTokenizer. */
export type XLMRobertaTokenizer = PretrainedTokenizer;

/**
 * SentencePiece's unigram model, with the ids that transformers' `XLMRobertaTokenizer` gives: text is
 * normalized, split at white space, each word becomes its most likely pieces, and a row stands between `<s>`
 * and `</s>`.
 *
 * @example
 * ```ts ignore
 * import { XLMRobertaTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await XLMRobertaTokenizer.fromPretrained("FacebookAI/xlm-roberta-base");
 * const { inputIds } = tokenizer.encode("a red fox");
 * console.log(tokenizer.batchDecode(inputIds)); // [ "<s> a red fox</s>" ]
 * ```
 */
export const XLMRobertaTokenizer: TokenizerClass<XLMRobertaTokenizer> = defineTokenizer({
  className: "XLMRobertaTokenizer",
  aliases: ["XLMRobertaTokenizerFast"],
  specialTokens: SPECIAL,
  before: "bos",
  behind: "eos",
  fileNames: unigramFileNames(LAYOUT),
  read,
  tokens: (files) => unigramTokens(files, SPECIAL),
  backend: (files, { added }) => unigramBackend(files, added, LAYOUT.unkId),
});

async function read(folder: string): Promise<UnigramFiles> {
  const files = await readUnigramFiles(folder, LAYOUT);
  if (files.config["add_prefix_space"] !== false) return files;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot load an XLMRobertaTokenizer from ${
      JSON.stringify(folder)
    }: add_prefix_space = false is ` +
      "not supported; supported are true and null",
  );
}
