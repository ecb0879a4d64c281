import type { Registry } from "@denoise/core";
import { importPlugins } from "@denoise/loading";
import { several } from "./options.ts";

/** The option that names plugins of one's own. */
export const PLUGIN = [
  "--plugin <module>",
  'a plugin, "./file.ts" or "jsr:@you/x"; repeatable',
  several(String),
  [] as readonly string[],
] as const;

/** A registry with the plugins of modules in front. */
export async function addPlugins(
  registry: Registry,
  modules: readonly string[],
): Promise<Registry> {
  return modules.length === 0 ? registry : registry.with(await importPlugins(modules));
}
