import { readFile } from "node:fs/promises";
import { DenoiseError, isFile, joinPath, type JsonObject } from "@denoise/core";
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

/** The file that a template may stand in. */
export const CHAT_TEMPLATE_FILE = "chat_template.jinja";

/** Reads the template of a tokenizer's folder: chat_template.jinja goes before tokenizer_config.json. */
export async function readChatTemplate(folder: string, config: JsonObject): Promise<ChatTemplate> {
  const file = joinPath(folder, CHAT_TEMPLATE_FILE);
  const own = await isFile(file) ? await readFile(file, "utf8") : config["chat_template"];
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
      `Cannot make a text of a chat: ${
        JSON.stringify(folder)
      } has neither ${CHAT_TEMPLATE_FILE} nor ` +
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
