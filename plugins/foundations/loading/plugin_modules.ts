import process from "node:process";
import { DenoiseError, type LazyPlugin, type PluginClass } from "@denoise/core";

function isPlugin(value: unknown): value is PluginClass | LazyPlugin {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const { kind, className, load } = value as Partial<PluginClass>;
  return typeof kind === "string" && typeof className === "string" && typeof load === "function";
}

/** The address of a module: a path of a file counts from the working directory. */
export function moduleAddress(specifier: string): string {
  if (/^(jsr|npm|https?|file|data):/.test(specifier)) return specifier;
  return new URL(specifier.replaceAll("\\", "/"), `file://${process.cwd()}/`).href;
}

/**
 * The plugins that modules export, such as those that a user names for the command line or a server:
 * classes of pipelines, models, schedulers and the like, and lazy ones.
 *
 * @param specifiers Files, or what can be imported: `"./plugin.ts"`, `"jsr:@you/x"`, `"npm:x"`.
 * @throws {DenoiseError} `invalid_plugin` naming the module that cannot be loaded or exports none, and
 *   `duplicate_class` for two plugins of one name.
 *
 * @example
 * ```ts
 * import { importPlugins } from "@denoise/loading";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => importPlugins(["data:text/javascript,export const x = 1"]), Error, "exports no plugin");
 * ```
 */
export async function importPlugins(
  specifiers: readonly string[],
): Promise<(PluginClass | LazyPlugin)[]> {
  const from = new Map<string, string>();
  const plugins: (PluginClass | LazyPlugin)[] = [];
  for (const specifier of specifiers) {
    const found = new Set(Object.values(await importModule(specifier)).filter(isPlugin));
    if (found.size === 0) {
      throw invalid(
        specifier,
        "it exports no plugin; export the classes that define... functions give",
      );
    }
    for (const plugin of found) {
      for (const name of [plugin.className, ...plugin.aliases ?? []]) {
        const other = from.get(name);
        if (other !== undefined) throw duplicate(name, other, specifier);
        from.set(name, specifier);
      }
      plugins.push(plugin);
    }
  }
  return plugins;
}

async function importModule(specifier: string): Promise<Record<string, unknown>> {
  try {
    return await import(moduleAddress(specifier));
  } catch (cause) {
    const [why] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw invalid(specifier, why!, cause);
  }
}

function invalid(specifier: string, why: string, cause?: unknown): DenoiseError {
  return new DenoiseError(
    "invalid_plugin",
    `Cannot load the plugin ${JSON.stringify(specifier)}: ${why}`,
    { cause },
  );
}

function duplicate(name: string, first: string, second: string): DenoiseError {
  const where = first === second
    ? `${JSON.stringify(first)} exports two`
    : `both ${JSON.stringify(first)} and ${JSON.stringify(second)} export one`;
  return new DenoiseError(
    "duplicate_class",
    `Cannot load two plugins of the name ${JSON.stringify(name)}: ${where}; leave one out`,
  );
}
