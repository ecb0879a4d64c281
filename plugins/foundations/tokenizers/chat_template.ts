import { readFile } from "node:fs/promises";
import { DenoiseError, isFile, joinPath, type JsonObject, readConfig } from "@denoise/core";
import type { ChatMessage, ChatOptions } from "@denoise/roles";
import { Template } from "@huggingface/jinja";
import type { SpecialTokens } from "./special_tokens.ts";

/** How a chat is written, as the files of a tokenizer say it. */
export interface ChatTemplate {
  /** A Jinja template; undefined where the folder has none. */
  readonly template: string | undefined;
  /** Where the files lie. */
  readonly folder: string;
}

/** The files that a template may stand in: one of its own, or the JSON of older processors. */
export const CHAT_TEMPLATE_FILES = ["chat_template.jinja", "chat_template.json"] as const;

/** Reads the template of a tokenizer's folder: a file of its own goes before tokenizer_config.json. */
export async function readChatTemplate(folder: string, config: JsonObject): Promise<ChatTemplate> {
  const [file, older] = CHAT_TEMPLATE_FILES.map((name) => joinPath(folder, name)) as [
    string,
    string,
  ];
  if (await isFile(file)) return { template: await readFile(file, "utf8"), folder };
  const { chat_template: own } = await isFile(older) ? await readConfig(older) : config;
  return { template: typeof own === "string" ? own : undefined, folder };
}

/**
 * A chat as the text that a model was taught to answer, by its template.
 *
 * @throws {DenoiseError} `missing_file` without a template.
 */
export function chatText(
  { template, folder }: ChatTemplate,
  roles: SpecialTokens,
  messages: readonly ChatMessage[],
  { addGenerationPrompt = true, variables = {} }: ChatOptions = {},
): string {
  if (template === undefined) {
    throw new DenoiseError(
      "missing_file",
      `Cannot make a text of a chat: ${JSON.stringify(folder)} has neither ${
        CHAT_TEMPLATE_FILES[0]
      } nor ` +
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
