import { DenoiseError } from "@denoise/core";
import type { ChatMessage, ChatOptions, ChatTokenizer } from "@denoise/roles";
import {
  byteLevelBackend,
  bytePairFileNames,
  type BytePairFiles,
  CHAT_TEMPLATE_FILES,
  type ChatTemplate,
  chatText,
  defineTokenizer,
  type PretrainedTokenizer,
  readBytePairFiles,
  readChatTemplate,
  templateTokens,
  type TokenizerClass,
  type TokenizerTokens,
} from "@denoise/tokenizers";

/** The words that byte pairs are merged in; white space is what Unicode calls so, not JavaScript. */
const WORD = new RegExp(
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|" +
    " ?[^\\p{White_Space}\\p{L}\\p{N}]+[\\r\\n]*|\\p{White_Space}*[\\r\\n]+|" +
    "\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+",
  "gu",
);

/** A loaded Qwen2Tokenizer: ids of texts, and texts of chats. */
export type Qwen2Tokenizer = PretrainedTokenizer & ChatTokenizer;

/**
 * Byte-pair encoding of bytes, with the ids that transformers' `Qwen2Tokenizer` gives: text is put into NFC
 * and split into words, digits and punctuation, with the space before them; around it stands what the template of
 * tokenizer.json says, as in Qwen3's embedding models, and else nothing.
 *
 * @example
 * ```ts ignore
 * import { Qwen2Tokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await Qwen2Tokenizer.fromPretrained("Qwen/Qwen3-4B");
 * const { inputIds } = tokenizer.encode("a red fox");
 * console.log(tokenizer.batchDecode(inputIds)); // [ "a red fox" ]
 * ```
 */
export const Qwen2Tokenizer: TokenizerClass<Qwen2Tokenizer> = defineTokenizer({
  ...definition("Qwen2Tokenizer"),
  aliases: ["Qwen2TokenizerFast"],
  fileNames: [...bytePairFileNames, ...CHAT_TEMPLATE_FILES],
});

/** A loaded Qwen3VLProcessor: ids of texts, and texts of chats. */
export type Qwen3VLProcessor = Qwen2Tokenizer;

/**
 * The part of transformers' `Qwen3VLProcessor` that reads texts, with which FLUX.3 and Qwen-Image 2.1 do. The files
 * that say how images are prepared are kept: `savePretrained` writes them too.
 *
 * @example
 * ```ts ignore
 * import { Qwen3VLProcessor } from "@denoise/denoise";
 *
 * const processor = await Qwen3VLProcessor.fromPretrained("Qwen/Qwen-Image-2.1", {
 *   subfolder: "processor",
 * });
 * const { inputIds } = processor.encode("a red fox");
 * ```
 */
export const Qwen3VLProcessor: TokenizerClass<Qwen3VLProcessor> = defineTokenizer({
  ...definition("Qwen3VLProcessor"),
  fileNames: [
    ...bytePairFileNames,
    ...CHAT_TEMPLATE_FILES,
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
  ],
});

/** What both classes have in common. */
function definition(className: string) {
  return {
    className,
    specialTokens: { eos: "<|endoftext|>", unk: "<|endoftext|>", pad: "<|endoftext|>" },
    read: readQwen2Files,
    around: (files: Qwen2Files) => templateTokens(files),
    backend: (files: Qwen2Files, { added }: TokenizerTokens) =>
      byteLevelBackend(files, added, { word: WORD, normalize: (text) => text.normalize("NFC") }),
    methods: (files: Qwen2Files, { roles }: TokenizerTokens) => ({
      applyChatTemplate: (messages: readonly ChatMessage[], options?: ChatOptions) =>
        chatText(files, roles, messages, options),
    }),
  };
}

/** What the files of a tokenizer say, with how a chat is written. */
type Qwen2Files = BytePairFiles & ChatTemplate;

async function readQwen2Files(folder: string): Promise<Qwen2Files> {
  const files = await readBytePairFiles(folder);
  if (files.config["add_prefix_space"] === true) {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot load a Qwen2Tokenizer from ${JSON.stringify(folder)}: add_prefix_space = true is ` +
        "not supported; supported are false and null",
    );
  }
  return { ...files, ...await readChatTemplate(folder, files.config) };
}
