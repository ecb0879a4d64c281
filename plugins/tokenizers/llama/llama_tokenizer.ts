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

const SPECIAL = { bos: "<s>", eos: "</s>", unk: "<unk>" };

/** A loaded LlamaTokenizer. */
export type LlamaTokenizer = PretrainedTokenizer;

/**
 * Byte-pair encoding of characters, with the ids that transformers' `LlamaTokenizer` gives: a text has a space
 * before it (`add_prefix_space`; with `legacy` each stretch between two added tokens has), `<s>` and `</s>` stand
 * around it where the files say so, and rows are filled up on the left unless the files say otherwise.
 *
 * @example
 * ```ts ignore
 * import { LlamaTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await LlamaTokenizer.fromPretrained("fal/AuraFlow-v0.3", {
 *   subfolder: "tokenizer",
 * });
 * const { inputIds } = tokenizer.encode("a red fox");
 * console.log(tokenizer.batchDecode(inputIds)); // [ "a red fox</s>" ]
 * ```
 */
export const LlamaTokenizer: TokenizerClass = defineTokenizer({
  className: "LlamaTokenizer",
  aliases: ["LlamaTokenizerFast"],
  specialTokens: SPECIAL,
  around: (files) => aroundTexts(files, SPECIAL),
  fileNames: [...bytePairFileNames, "tokenizer.model"],
  read: readLlamaFiles,
  backend: (files, { added, roles }) =>
    pieceBackend(files, added, { unk: roles.unk ?? SPECIAL.unk, prefix: prefixOf(files) }),
});

async function readLlamaFiles(folder: string): Promise<BytePairFiles> {
  const files = await readBytePairFiles(folder);
  return { ...files, config: { padding_side: "left", ...files.config } };
}

/** Which stretches of a text get a space before them. */
function prefixOf({ config }: BytePairFiles): "none" | "first" | "each" {
  if (config["add_prefix_space"] === false) return "none";
  return config["legacy"] === true ? "each" : "first";
}
