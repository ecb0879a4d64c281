import { DenoiseError, isFile, joinPath } from "@denoise/core";
import type { ChatMessage, ChatOptions, ChatTokenizer } from "@denoise/roles";
import {
  aroundTexts,
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
  type TokenizerClass,
  type TokenizerTokens,
} from "@denoise/tokenizers";
import { wordsOf } from "./_words.ts";

const SPECIAL = { bos: "<s>", eos: "</s>" };

/** A loaded PixtralProcessor: ids of texts, and texts of chats. */
export type PixtralProcessor = PretrainedTokenizer & ChatTokenizer;

/**
 * The part of transformers' `PixtralProcessor` that reads texts: byte-pair encoding of bytes, by the steps that
 * tokenizer.json says, and chats by the repo's template.
 *
 * @example
 * ```ts ignore
 * import { PixtralProcessor } from "@denoise/denoise";
 *
 * const tokenizer = await PixtralProcessor.fromPretrained("black-forest-labs/FLUX.2-dev", {
 *   subfolder: "tokenizer",
 * });
 * const { inputIds } = tokenizer.encode("a red fox");
 * console.log(tokenizer.batchDecode(inputIds)); // [ "<s>a red fox" ]
 * ```
 */
export const PixtralProcessor: TokenizerClass<PixtralProcessor> = defineTokenizer({
  ...definition("PixtralProcessor"),
  fileNames: [
    ...bytePairFileNames,
    ...CHAT_TEMPLATE_FILES,
    "processor_config.json",
    "preprocessor_config.json",
  ],
});

/** A loaded TokenizersBackend: ids of texts, and texts of chats. */
export type TokenizersBackend = PixtralProcessor;

/**
 * A tokenizer that is what its tokenizer.json says, as transformers' `TokenizersBackend` is: here byte-pair encoding
 * of bytes, of words that an expression splits texts into.
 *
 * @example
 * ```ts ignore
 * import { TokenizersBackend } from "@denoise/denoise";
 *
 * const tokenizer = await TokenizersBackend.fromPretrained("baidu/ERNIE-Image-Turbo", {
 *   subfolder: "tokenizer",
 * });
 * const { inputIds } = tokenizer.encode("a red fox");
 * console.log(tokenizer.batchDecode(inputIds)); // [ "<s>a red fox" ]
 * ```
 */
export const TokenizersBackend: TokenizerClass<TokenizersBackend> = defineTokenizer({
  ...definition("TokenizersBackend"),
  aliases: ["PreTrainedTokenizerFast"],
  fileNames: [...bytePairFileNames, ...CHAT_TEMPLATE_FILES],
});

/** What both classes have in common. */
function definition(className: string) {
  return {
    className,
    specialTokens: {},
    around: (files: PixtralFiles) => aroundTexts(files, SPECIAL),
    read: readPixtralFiles,
    backend: (files: PixtralFiles, { added }: TokenizerTokens) =>
      byteLevelBackend(files, added, {
        word: wordsOf(files, files.folder),
        wholeWords: files.model?.["ignore_merges"] === true,
      }),
    methods: (files: PixtralFiles, { roles }: TokenizerTokens) => ({
      bosToken: roles.bos,
      applyChatTemplate: (messages: readonly ChatMessage[], options?: ChatOptions) =>
        chatText(files, roles, messages, options),
    }),
  };
}

/** What the files of a processor say of texts and chats. */
type PixtralFiles = BytePairFiles & ChatTemplate;

async function readPixtralFiles(folder: string): Promise<PixtralFiles> {
  const file = joinPath(folder, "tokenizer.json");
  if (!await isFile(file)) {
    throw new DenoiseError(
      "missing_file",
      `Cannot load a tokenizer from ${
        JSON.stringify(folder)
      }: it has no tokenizer.json; repos whose tokenizer is ` +
        "tekken.json alone are not read: take one in the format of transformers",
    );
  }
  const files = await readBytePairFiles(folder);
  if (files.normalizer !== null && files.normalizer !== undefined) {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot load a tokenizer from ${JSON.stringify(folder)}: normalizer of tokenizer.json is ` +
        `${JSON.stringify(files.normalizer)}; supported is null`,
    );
  }
  const padding = files.padding as { direction?: string; pad_token?: string } | null | undefined;
  const config = {
    ...(padding === null || padding === undefined ? {} : {
      ...(padding.direction === undefined ? {} : { padding_side: padding.direction.toLowerCase() }),
      ...(padding.pad_token === undefined ? {} : { pad_token: padding.pad_token }),
    }),
    ...files.config,
  };
  return { ...files, config, ...await readChatTemplate(folder, files.config) };
}
