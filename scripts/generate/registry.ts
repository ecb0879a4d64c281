/**
 * Writes plugins/registry.ts and plugins/classes.ts from what the packages under plugins/ export, so
 * that a new plugin is known everywhere by lying in its folder; and the parts of deno.lock (locks.ts).
 *
 *     deno task generate:registry            # writes the files
 *     deno task generate:registry --check    # says whether they are up to date
 *
 * @module
 */
import type { PluginClass, PluginKind } from "@denoise/core";
import { lockOf, LOCKS } from "./locks.ts";

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
  /** Of pipelines: what a registry knows without loading them. */
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
  const entries = plugins.map(({ package: name, className, kind, aliases, traits }) => {
    const facts = Object.entries({ ...traits, ...(aliases.length === 0 ? {} : { aliases }) })
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}, `).join("");
    return `    { kind: "${kind}", className: "${className}", package: "${name}",
      ${facts}load: async () => (await import("${name}")).${className} },`;
  });
  const adapters = plugins.filter(({ kind }) => kind === "adapter");
  return `// deno-fmt-ignore-file
/**
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

/** `schedulerDdim` of `@denoise/scheduler-ddim`. */
function identifier(name: string): string {
  return name.replace(/^@\w+\//, "").replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Every class with that registry as its default. */
export function classesSource(plugins: readonly Found[]): string {
  const imported = new Set<string>();
  const lines = plugins.flatMap(
    ({ package: name, className, kind, types }) => {
      if (kind === "adapter") return [];
      const module = identifier(name);
      const Class = `${module}.${className}`;
      const isPipeline = kind === "pipeline";
      const bound = isPipeline
        ? `WithMethods<typeof ${Class}, PipelineMethods>`
        : `typeof ${Class}`;
      const object = isPipeline ? `InstanceType<typeof ${className}>` : Class;
      const from = imported.has(name) ? "" : ` import * as ${module} from "${name}";`;
      imported.add(name);
      const beside = types.length === 0
        ? ""
        : ` export type { ${types.join(", ")} } from "${name}";`;
      return [
        `/** An object of the class. */ export type ${className} = ${object};${beside}`,
        `/** \`${className}\` of \`${name}\`, with {@linkcode registry} as its default.`,
        ` * @category ${CATEGORIES[kind]} */ export const ${className}: ${bound} = ` +
        `${Class}.using(registry);${from}`,
      ];
    },
  );
  return `// deno-fmt-ignore-file
/**
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

async function main(): Promise<void> {
  const plugins = await findPlugins();
  const embedded = await findEmbedded();
  // the locks come last: they are of what the files before them import
  const files: Readonly<Record<string, () => string | Promise<string>>> = {
    "plugins/registry.ts": () => registrySource(plugins, embedded),
    "plugins/classes.ts": () => classesSource(plugins),
    ...Object.fromEntries(
      Object.entries(LOCKS).map(([path, programs]) => [path, () => lockOf(programs)]),
    ),
  };
  for (const [path, make] of Object.entries(files)) {
    const url = new URL(path, ROOT);
    const source = await make();
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
