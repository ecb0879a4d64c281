/**
 * Writes plugins/registry.ts and plugins/classes.ts from what the packages under plugins/ export, so
 * that a new plugin is known everywhere by lying in its folder.
 *
 *     deno task generate:registry            # writes both files
 *     deno task generate:registry --check    # says whether they are up to date
 *
 * @module
 */
import type { PluginClass, PluginKind } from "@denoise/core";

const COMMAND = "deno task generate:registry";
const ROOT = new URL("../../", import.meta.url);
const GROUPS: readonly string[] = [
  "schedulers",
  "models",
  "pipelines",
  "tokenizers",
  "processors",
  "adapters",
];

/** Under which heading the documentation lists classes. */
const CATEGORIES: Readonly<Record<Exclude<PluginKind, "adapter">, string>> = {
  scheduler: "Schedulers",
  model: "Models",
  pipeline: "Pipelines",
  tokenizer: "Tokenizers",
  processor: "Processors",
};

interface Found {
  readonly package: string;
  readonly className: string;
  readonly aliases: readonly string[];
  readonly kind: PluginKind;
  /** Of pipelines: the types of their calls, which are not there when a module runs. */
  readonly types: readonly string[];
  /** What a registry knows without loading it. */
  readonly traits: Partial<Pick<PluginClass, "task" | "family" | "control" | "methods">>;
}

function isPlugin(value: unknown): value is PluginClass {
  const { kind, className, load } = (value ?? {}) as Partial<PluginClass>;
  return typeof kind === "string" && typeof className === "string" && typeof load === "function";
}

async function foldersOf(group: string): Promise<URL[]> {
  const base = new URL(`plugins/${group}/`, ROOT);
  try {
    const names = await Array.fromAsync(Deno.readDir(base), (entry) => entry.name);
    return names.sort().map((name) => new URL(`${name}/`, base));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The name of a package, or undefined for a folder that is none (yet). */
async function packageName(folder: URL): Promise<string | undefined> {
  try {
    await Deno.stat(new URL("mod.ts", folder));
    return JSON.parse(await Deno.readTextFile(new URL("deno.json", folder))).name;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Every plugin class that the packages under plugins/ export. */
export async function findPlugins(): Promise<Found[]> {
  const found: Found[] = [];
  for (const group of GROUPS) {
    for (const folder of await foldersOf(group)) {
      const name = await packageName(folder);
      if (name === undefined) continue;
      const exports = Object.entries(await import(new URL("mod.ts", folder).href));
      for (const [exported, value] of exports) {
        if (!isPlugin(value) || exported !== value.className) continue;
        const { className, kind, aliases = [], task, family, control, methods } = value;
        const traits = {
          ...(task === undefined ? {} : { task }),
          ...(family === undefined ? {} : { family }),
          ...(control === true ? { control } : {}),
          ...(methods === undefined ? {} : { methods }),
        };
        const types = kind === "pipeline" ? await optionTypes(new URL("mod.ts", folder)) : [];
        found.push({ package: name, className, kind, aliases, traits, types });
      }
    }
  }
  return found;
}

/** The names of the interfaces of options that a module declares. */
async function optionTypes(module: URL): Promise<string[]> {
  const source = await Deno.readTextFile(module);
  return [...source.matchAll(/^export interface (\w+Options)\b/gm)].map(([_, name]) => name!);
}

/** The packages under plugins/embedded, which are sources of one repo each. */
export async function findEmbedded(): Promise<string[]> {
  const names = await Promise.all((await foldersOf("embedded")).map(packageName));
  return names.filter((name) => name !== undefined);
}

/** The lazy registry: a class is imported when a repo asks for it. */
export function registrySource(plugins: readonly Found[], embedded: readonly string[]): string {
  const sources = embedded.map((name, i) =>
    `import { source as source${i} } from ${JSON.stringify(name)};`
  );
  const places = embedded.map((_, i) => `source${i}, `).join("");
  const entries = plugins.map(({ package: name, className, kind, aliases, traits }) =>
    `    {
      kind: ${JSON.stringify(kind)},
      className: ${JSON.stringify(className)},
      ${
      Object.entries(traits).map(([key, value]) => `${key}: ${JSON.stringify(value)},\n      `)
        .join("")
    }${aliases.length === 0 ? "" : `aliases: ${JSON.stringify(aliases)},\n      `}package: ${
      JSON.stringify(name)
    },
      load: async () => (await import(${JSON.stringify(name)})).${className},
    },`
  );
  const adapters = plugins.filter(({ kind }) => kind === "adapter");
  return `/**
 * The registry of all built-in plugins. Nothing of them is loaded until a repo names them.
 * Generated by \`${COMMAND}\`.
 *
 * @module
 */
import { type MethodsOf, Registry } from "@denoise/core";
${
    adapters.map(({ package: name, className }) =>
      `import type { ${className} } from ${JSON.stringify(name)};`
    ).join("\n")
  }
${sources.join("\n")}
import { hub } from "@denoise/hub";
import { mirror } from "@denoise/mirror";

/**
 * The methods that pipelines have of the built-in adapters.
 *
 * @category Adapters
 */
export type PipelineMethods = MethodsOf<
  ${adapters.map(({ className }) => `typeof ${className}`).join(" | ")}
>;

/**
 * Every built-in plugin by its class name. Sources: the models that ship with it, the mirror that
 * DENOISE_MIRROR names, the Hub.
 *
 * @category Loading
 *
 * @example
 * \`\`\`ts
 * import { registry } from "@denoise/denoise";
 * import { assert } from "@std/assert";
 *
 * assert(registry.has("EulerDiscreteScheduler"));
 * \`\`\`
 */
export const registry: Registry<PipelineMethods> = new Registry({
  plugins: [
${entries.join("\n")}
  ],
  sources: [${places}mirror(), hub()],
  images: async () => (await import("@denoise/image")).imageCodec,
  audio: async () => (await import("@denoise/audio")).audioCodec,
  singleFile: async () => (await import("@denoise/single-file")).singleFile,
  progress: async () => (await import("@denoise/terminal")).showProgress,
});
`;
}

/** Every class with that registry as its default. */
export function classesSource(plugins: readonly Found[]): string {
  const lines = plugins.map(({ package: name, className, kind, types }) =>
    kind === "adapter"
      ? ""
      : `import { ${className} as ${className}Class } from ${JSON.stringify(name)};
${
        kind === "pipeline"
          ? ""
          : `import type { ${className} as ${className}Object } from ${JSON.stringify(name)};`
      }
/**
 * \`${className}\` of \`${name}\`, with {@linkcode registry} as its default.
 *
 * @category ${CATEGORIES[kind]}
 */
export const ${className}: ${
        kind === "pipeline"
          ? `WithMethods<typeof ${className}Class, PipelineMethods>`
          : `typeof ${className}Class`
      } = ${className}Class.using(registry);
/** An object of the class. */
export type ${className} = ${
        kind === "pipeline" ? `InstanceType<typeof ${className}>` : `${className}Object`
      };${
        types.length === 0
          ? ""
          : `\nexport type { ${types.join(", ")} } from ${JSON.stringify(name)};`
      }`
  );
  return `/**
 * The classes of all built-in plugins, with the built-in registry as their default.
 * Generated by \`${COMMAND}\`.
 *
 * @module
 */
import type { WithMethods } from "@denoise/loading";
import { type PipelineMethods, registry } from "./registry.ts";
${lines.join("\n")}
`;
}

async function formatted(source: string): Promise<string> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "ts", "--line-width", "100", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  return new TextDecoder().decode((await process.output()).stdout);
}

async function main(): Promise<void> {
  const plugins = await findPlugins();
  const files = {
    "plugins/registry.ts": await formatted(registrySource(plugins, await findEmbedded())),
    "plugins/classes.ts": await formatted(classesSource(plugins)),
  };
  for (const [path, source] of Object.entries(files)) {
    const url = new URL(path, ROOT);
    if (!Deno.args.includes("--check")) {
      await Deno.writeTextFile(url, source);
      continue;
    }
    if (await Deno.readTextFile(url) === source) continue;
    console.error(`${path} is out of date: run ${COMMAND}`);
    Deno.exit(1);
  }
}

if (import.meta.main) await main();
