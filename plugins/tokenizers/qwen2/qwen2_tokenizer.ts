import {
  adoptConfig,
  DenoiseError,
  type FrozenConfig,
  type ImageInput,
  type Registry,
} from "@denoise/core";
import {
  type ImagePatches,
  imagePatches,
  type PatchConfig,
  patchOptions,
  readProcessorOptions,
} from "@denoise/processors";
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

/** What prepares images of a Qwen3VLProcessor. */
export interface Qwen3VLImageProcessor {
  /** Its options, as they stand in preprocessor_config.json. */
  readonly config: FrozenConfig<PatchConfig>;
  /**
   * Images in patches.
   *
   * @throws {RangeError} for an image more than 200 times as long as wide.
   */
  patches(images: readonly ImageInput[]): Promise<ImagePatches>;
}

/** A loaded Qwen3VLProcessor: ids of texts, texts of chats, and images in patches. */
export type Qwen3VLProcessor = Qwen2Tokenizer & {
  /** What prepares images; undefined where its files say nothing of them. */
  readonly imageProcessor: Qwen3VLImageProcessor | undefined;
};

/**
 * transformers' `Qwen3VLProcessor`, with which FLUX.3 and Qwen-Image 2.1 read texts, and Qwen-Image 2.1 images too.
 * Not covered: videos.
 *
 * @example
 * ```ts ignore
 * import { Qwen3VLProcessor } from "@denoise/denoise";
 *
 * const processor = await Qwen3VLProcessor.fromPretrained("Qwen/Qwen-Image-2.1", {
 *   subfolder: "processor",
 * });
 * const { inputIds } = processor.encode("a red fox");
 * const { imageGridThw } = await processor.imageProcessor!.patches(["fox.png"]);
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
  read: async (folder: string) => ({
    ...await readQwen2Files(folder),
    images: await readImageOptions(folder),
  }),
  methods: (files: Qwen3VLFiles, tokens, registry) => ({
    ...chats(files, tokens),
    imageProcessor: imageProcessorOf(files, registry),
  }),
});

/** What the files of a processor say. */
type Qwen3VLFiles = Qwen2Files & {
  /** How images are prepared; undefined where no file says it. */
  readonly images: FrozenConfig<PatchConfig> | undefined;
};

function imageProcessorOf(
  { images: config }: Qwen3VLFiles,
  registry: Registry,
): Qwen3VLImageProcessor | undefined {
  return config && {
    config,
    patches: async (images) => await imagePatches(await registry.images(), config, images),
  };
}

async function readImageOptions(folder: string): Promise<FrozenConfig<PatchConfig> | undefined> {
  const options = await readProcessorOptions(folder);
  return options && adoptConfig("Qwen3VLProcessor", patchOptions, options);
}

/** What both classes have in common. */
function definition(className: string) {
  return {
    className,
    specialTokens: { eos: "<|endoftext|>", unk: "<|endoftext|>", pad: "<|endoftext|>" },
    read: readQwen2Files,
    around: (files: Qwen2Files) => templateTokens(files),
    backend: (files: Qwen2Files, { added }: TokenizerTokens) =>
      byteLevelBackend(files, added, { word: WORD, normalize: (text) => text.normalize("NFC") }),
    methods: chats,
  };
}

/** Texts of chats. */
function chats(files: Qwen2Files, { roles }: TokenizerTokens) {
  return {
    applyChatTemplate: (messages: readonly ChatMessage[], options?: ChatOptions) =>
      chatText(files, roles, messages, options),
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
