/**
 * What the modules of the workspace import, as Deno's own parser sees it.
 *
 * @module
 */
import { pathToFileURL } from "node:url";

/** One import of a module: static, dynamic or of a type. */
export interface Import {
  /** Address of the module that has it. */
  module: URL;
  /** As it is written. */
  specifier: string;
  /** Line and column from 1. */
  line: number;
  /** See `line`. */
  column: number;
  /** What it resolves to; `undefined` where that fails. */
  target?: string;
}

interface Resolution {
  specifier?: string;
  span: { start: { line: number; character: number } };
}

interface ModuleInfo {
  specifier: string;
  dependencies?: { specifier: string; code?: Resolution; type?: Resolution }[];
}

/** Imports of the given modules and of all local modules that they reach. */
export async function importsOf(modules: readonly URL[], workspace: URL): Promise<Import[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(entry, modules.map(({ href }) => `import "${href}";\n`).join(""));
  try {
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-lock", "--no-remote", "--no-npm", entry],
      cwd: workspace,
    }).output();
    if (!success) throw new Error(`Cannot read imports: ${new TextDecoder().decode(stderr)}`);
    const graph: { modules: ModuleInfo[] } = JSON.parse(new TextDecoder().decode(stdout));
    return graph.modules
      .filter(({ specifier }) => specifier.startsWith("file:"))
      .filter(({ specifier }) => specifier !== pathToFileURL(entry).href)
      .flatMap(importsOfModule);
  } finally {
    await Deno.remove(entry);
  }
}

function importsOfModule({ specifier: module, dependencies = [] }: ModuleInfo): Import[] {
  return dependencies.map(({ specifier, code, type }) => {
    const resolution = code ?? type;
    const start = resolution?.span.start;
    return {
      module: new URL(module),
      specifier,
      line: (start?.line ?? 0) + 1,
      column: (start?.character ?? 0) + 1,
      ...(resolution?.specifier && { target: resolution.specifier }),
    };
  });
}

/** Every TypeScript and JavaScript file in a folder, hidden folders and node_modules left out. */
export async function* sourceFiles(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name.startsWith(".") || name === "node_modules") continue;
    if (isDirectory) yield* sourceFiles(new URL(`${encodeURIComponent(name)}/`, folder));
    else if (/\.[mc]?[tj]sx?$/.test(name)) yield new URL(encodeURIComponent(name), folder);
  }
}
