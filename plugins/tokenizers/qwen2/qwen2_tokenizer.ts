import { readFile } from "node:fs/promises";
import { DenoiseError, isFile, joinPath } from "@denoise/core";
import type { ChatMessage, ChatOptions, ChatTokenizer } from "@denoise/roles";
import { Template } from "@huggingface/jinja";
import {
  byteLevelBackend,
  bytePairFileNames,
  type BytePairFiles,
  defineTokenizer,
  type PretrainedTokenizer,
  readBytePairFiles,
  type SpecialTokens,
  type TokenizerClass,
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
 * and split into words, digits and punctuation, with the space before them; nothing is put around it.
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
  className: "Qwen2Tokenizer",
  aliases: ["Qwen2TokenizerFast"],
  specialTokens: { eos: "<|endoftext|>", unk: "<|endoftext|>", pad: "<|endoftext|>" },
  fileNames: [...bytePairFileNames, "chat_template.jinja"],
  read: readQwen2Files,
  backend: (files, { added }) =>
    byteLevelBackend(files, added, { word: WORD, normalize: (text) => text.normalize("NFC") }),
  methods: (files: Qwen2Files, { roles }) => ({
    applyChatTemplate: (messages: readonly ChatMessage[], options?: ChatOptions) =>
      chatText(files, roles, messages, options),
  }),
});

/** What the files of a tokenizer say, with how a chat is written. */
interface Qwen2Files extends BytePairFiles {
  /** A Jinja template. */
  readonly template: string | undefined;
  /** Where the files lie. */
  readonly folder: string;
}

async function readQwen2Files(folder: string): Promise<Qwen2Files> {
  const files = await readBytePairFiles(folder);
  if (files.config["add_prefix_space"] === true) {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot load a Qwen2Tokenizer from ${JSON.stringify(folder)}: add_prefix_space = true is ` +
        "not supported; supported are false and null",
    );
  }
  const file = joinPath(folder, "chat_template.jinja");
  const own = await isFile(file) ? await readFile(file, "utf8") : files.config["chat_template"];
  return { ...files, template: typeof own === "string" ? own : undefined, folder };
}

/**
 * A chat as the text that the model was taught to answer, by the repo's Jinja template.
 *
 * @throws {DenoiseError} `missing_file` without a template.
 */
function chatText(
  { template, folder }: Qwen2Files,
  roles: SpecialTokens,
  messages: readonly ChatMessage[],
  { addGenerationPrompt = true, variables = {} }: ChatOptions = {},
): string {
  if (template === undefined) {
    throw new DenoiseError(
      "missing_file",
      `Cannot make a text of a chat: ${
        JSON.stringify(folder)
      } has neither chat_template.jinja nor ` +
        "a chat_template in tokenizer_config.json",
    );
  }
  const named = Object.entries(roles).map(([role, token]) => [`${role}_token`, token]);
  return new Template(template).render({
    ...Object.fromEntries(named),
    ...variables,
    messages,
    add_generation_prompt: addGenerationPrompt,
  });
}
