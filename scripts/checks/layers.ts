/**
 * `deno task check:layers`: who imports whom. Checked for every module of every package:
 *
 * - core imports nothing outside itself, and each group of packages what LAYERS says: schedulers core
 *   and the schedules; models core, the ONNX package and the roles; families core, the roles, the
 *   schedules and the foundations of diffusion and Stable Diffusion; pipelines these and the families; the
 *   root package imports all of them, the command line what it likes of these, functions the root package,
 *   process and some of these;
 * - packages import each other by name, never by path, and read no file of another package;
 * - what is imported by name stands in the package's own deno.json (the root's lists its members
 *   under "workspace"), and what stands there is used by what is published: what only tests need
 *   stands in the root's, and where only tests/ or scripts/ import it, in theirs;
 * - `npm:` and `jsr:` stand in deno.json only;
 * - onnxruntime-node is imported by one file.
 *
 * Tests may import what they like by name.
 *
 * @module
 */
import { type Import, importsOf, sourceFiles } from "../workspace/imports.ts";
import { type Member, members, root } from "../workspace/members.ts";

/** What the packages in a folder may import of the workspace. */
interface Layer {
  readonly folder: RegExp;
  readonly name: string;
  /** Packages by name. */
  readonly allowed: readonly string[];
  /** Any package in these folders, too. */
  readonly folders?: RegExp;
}

/** The first that matches holds. */
const LAYERS: readonly Layer[] = [
  { folder: /^core$/, name: "core", allowed: [] },
  {
    folder: /^plugins\/models\//,
    name: "a model",
    allowed: ["@denoise/core", "@denoise/onnx", "@denoise/roles"],
  },
  {
    folder: /^plugins\/adapters\//,
    name: "an adapter",
    allowed: [
      "@denoise/core",
      "@denoise/adapters",
      "@denoise/gguf",
      "@denoise/onnx",
      "@denoise/pickle",
      "@denoise/roles",
      "@denoise/safetensors",
    ],
  },
  {
    folder: /^plugins\/runtimes\//,
    name: "a runtime",
    allowed: [
      "@denoise/core",
      "@denoise/adapters",
      "@denoise/process",
      "@denoise/roles",
      "@denoise/safetensors",
    ],
  },
  {
    folder: /^plugins\/foundations\/(gguf|pickle)$/,
    name: "a reader of files",
    allowed: ["@denoise/core", "@denoise/safetensors"],
  },
  {
    folder: /^plugins\/sources\/hub$/,
    name: "the Hub",
    allowed: ["@denoise/core", "@denoise/safetensors"],
  },
  {
    folder: /^plugins\/sources\/mirror$/,
    name: "the mirror",
    allowed: ["@denoise/core", "@denoise/hub"],
  },
  {
    folder: /^plugins\/foundations\/stable_diffusion$/,
    name: "the foundation of Stable Diffusion",
    allowed: [
      "@denoise/core",
      "@denoise/adapters",
      "@denoise/diffusion",
      "@denoise/prompt-syntax",
      "@denoise/roles",
      "@denoise/schedules",
    ],
  },
  {
    folder: /^plugins\/families\//,
    name: "a family",
    allowed: [
      "@denoise/core",
      "@denoise/adapters",
      "@denoise/diffusion",
      "@denoise/prompt-syntax",
      "@denoise/roles",
      "@denoise/schedules",
      "@denoise/stable-diffusion",
    ],
  },
  {
    folder: /^plugins\/foundations\/prompt_syntax$/,
    name: "the syntax of prompts",
    allowed: ["@denoise/core", "@denoise/roles"],
  },
  {
    folder: /^plugins\/foundations\/tokenizers$/,
    name: "the foundation of tokenizers",
    allowed: ["@denoise/core", "@denoise/roles"],
  },
  {
    folder: /^plugins\/tokenizers\//,
    name: "a tokenizer",
    allowed: ["@denoise/core", "@denoise/processors", "@denoise/roles", "@denoise/tokenizers"],
  },
  {
    folder: /^plugins\/foundations\/diffusion$/,
    name: "the foundation of diffusion",
    allowed: ["@denoise/captions", "@denoise/core", "@denoise/roles", "@denoise/schedules"],
  },
  {
    folder: /^plugins\/processors\//,
    name: "a processor",
    allowed: ["@denoise/core", "@denoise/processors", "@denoise/roles"],
  },
  {
    folder: /^plugins\/embedded\//,
    name: "an embedded model",
    allowed: ["@denoise/core", "@denoise/bundled"],
  },
  {
    folder: /^plugins\/schedulers\//,
    name: "a scheduler",
    allowed: ["@denoise/core", "@denoise/schedules"],
  },
  {
    folder: /^plugins\/pipelines\//,
    name: "a pipeline",
    allowed: [
      "@denoise/core",
      "@denoise/adapters",
      "@denoise/diffusion",
      "@denoise/roles",
      "@denoise/stable-diffusion",
    ],
    folders: /^plugins\/families\//,
  },
  {
    folder: /^plugins\/media\/(image|audio)$/,
    name: "a medium",
    allowed: ["@denoise/core", "@denoise/files"],
  },
  {
    folder: /^plugins\/tools\/cli$/,
    name: "the command line",
    allowed: ["@denoise/denoise", "@denoise/core"],
    folders: /^plugins\//,
  },
  { folder: /^plugins\//, name: "a plugin", allowed: ["@denoise/core"] },
  {
    folder: /^functions$/,
    name: "functions",
    allowed: [
      "@denoise/denoise",
      "@denoise/core",
      "@denoise/diffusion",
      "@denoise/loading",
      "@denoise/lora",
      "@denoise/onnx",
      "@denoise/process",
      "@denoise/roles",
      "@denoise/stable-diffusion",
    ],
  },
];

/** The one file that may import the native runtime. */
const RUNTIME = { specifier: "onnxruntime-node", file: "plugins/runtimes/onnx/session.ts" };

/** Problems of a workspace, one line each; none where all is as it should be. */
export async function layerProblems(at: URL = root): Promise<string[]> {
  const packages = await members(at);
  const files = new Map<string, Member>();
  for (const member of packages) {
    for await (const file of ownFiles(member)) files.set(file.href, member);
  }
  const imports = (await importsOf([...files.keys()].map((href) => new URL(href)), at))
    .filter(({ module }) => files.has(module.href));
  return [
    ...imports.flatMap((found) =>
      importProblems(found, files.get(found.module.href)!, packages)
        .map((problem) => `${place(found, at)} imports "${found.specifier}": ${problem}`)
    ),
    ...packages.flatMap((member) => listProblems(member, packages, imports, files, at)),
    ...await assetProblems(files, at),
  ].sort();
}

/** The files of a package; of the root package those that are published. */
async function* ownFiles({ path, folder, config }: Member): AsyncGenerator<URL> {
  if (path !== ".") return yield* sourceFiles(folder);
  for (const included of config.publish?.include ?? []) {
    const at = new URL(included, folder);
    const info = await Deno.stat(at).catch(() => undefined);
    if (info?.isDirectory) yield* sourceFiles(new URL(`${at.href}/`));
    else if (info && at.pathname.endsWith(".ts")) yield at;
  }
}

function importProblems(found: Import, from: Member, packages: readonly Member[]): string[] {
  const { module, specifier, target } = found;
  if (/^\.{0,2}\//.test(specifier)) {
    const to = memberOf(new URL(specifier, module), packages);
    const isTool = to.path === "." && isTest(module, from);
    if (to === from || isTool) return [];
    return [`it lies in ${to.config.name}; import that package by its name`];
  }
  const problems: string[] = [];
  const isRuntime = target?.startsWith(`npm:${RUNTIME.specifier}`) ||
    packageOf(specifier) === RUNTIME.specifier;
  if (isRuntime && !module.pathname.endsWith(`/${RUNTIME.file}`)) {
    problems.push(`only ${RUNTIME.file} may import ${RUNTIME.specifier}`);
  }
  if (/^(npm|jsr|https?):/.test(specifier)) {
    return [...problems, "put it into the imports of deno.json and import it by name"];
  }
  if (specifier.startsWith("node:") || isTest(module, from)) return problems;
  const name = packageOf(specifier);
  if (name === from.config.name) return problems;
  const layer = LAYERS.find(({ folder }) => folder.test(from.path));
  const ours = packages.find(({ config }) => config.name === name);
  const allowed = layer?.allowed ?? packages.map(({ config }) => config.name);
  if (ours && layer?.folders?.test(ours.path)) return problems;
  if (layer && !allowed.includes(name) && (ours || layer.name === "core")) {
    const list = allowed.length
      ? `only ${allowed.join(" and ")} of the workspace`
      : "nothing outside itself";
    problems.push(`${layer.name} may import ${list}`);
  }
  return problems;
}

/** What a package imports by name and does not list in its deno.json, and the other way round. */
function listProblems(
  member: Member,
  packages: readonly Member[],
  imports: readonly Import[],
  files: ReadonlyMap<string, Member>,
  at: URL,
): string[] {
  const listed = Object.keys(member.config.imports ?? {}).map((name) => name.replace(/\/$/, ""));
  if (member.path === ".") listed.push(...packages.map(({ config }) => config.name));
  const byName = imports
    .filter(({ module, specifier }) =>
      files.get(module.href) === member && !/^\.{0,2}\/|^\w+:/.test(specifier)
    );
  const used = new Set(
    byName.filter(({ module }) => !isTest(module, member))
      .flatMap(({ specifier }) => [specifier, packageOf(specifier)]),
  );
  const missing = new Map<string, Import>();
  for (const found of byName) {
    const name = packageOf(found.specifier);
    const isListed = listed.includes(name) || listed.includes(found.specifier);
    if (isListed || name === member.config.name || isTest(found.module, member)) continue;
    if (!missing.has(name)) missing.set(name, found);
  }
  const problems = [...missing].map(([name, found]) =>
    `${configOf(member)} does not list "${name}", which ${place(found, at)} imports`
  );
  if (member.path === ".") return problems;
  const unused = listed.filter((name) => !used.has(name));
  return [
    ...problems,
    ...unused.map((name) =>
      `${configOf(member)} lists "${name}", which no published module of the package imports`
    ),
  ];
}

/** Files of other packages that a module reads beside itself: they are not there once published. */
async function assetProblems(files: ReadonlyMap<string, Member>, at: URL): Promise<string[]> {
  const problems: string[] = [];
  for (const [href, member] of files) {
    if (isTest(new URL(href), member)) continue;
    const text = await Deno.readTextFile(new URL(href));
    const pattern = /new URL\(\s*(["'`])(\.[^"'`$]*)[^"'`]*\1,\s*import\.meta\.url/g;
    for (const { 2: path = "", index } of text.matchAll(pattern)) {
      if (new URL(path, href).href.startsWith(member.folder.href)) continue;
      const line = text.slice(0, index).split("\n").length;
      problems.push(
        `${href.slice(at.href.length)}:${line} reads "${path}": it lies outside ` +
          `${member.config.name} and is not published with it`,
      );
    }
  }
  return problems;
}

/** The package in whose folder an address lies. */
function memberOf(address: URL, packages: readonly Member[]): Member {
  const within = packages.filter(({ folder }) => address.href.startsWith(folder.href));
  return within.reduce((a, b) => b.path.length > a.path.length ? b : a, packages[0]!);
}

/** `@scope/name` of `@scope/name/path`, `name` of `name/path`. */
function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** By its place in its package: the folder of the whole may have any name. */
function isTest({ href }: URL, { folder }: Member): boolean {
  return /_test\.[tj]sx?$|(^|\/)(testdata|tests)\//.test(href.slice(folder.href.length));
}

function configOf({ path }: Member): string {
  return path === "." ? "deno.json" : `${path}/deno.json`;
}

function place({ module, line, column }: Import, at: URL): string {
  return `${module.href.slice(at.href.length)}:${line}:${column}`;
}

if (import.meta.main) {
  const problems = await layerProblems();
  for (const problem of problems) console.error(problem);
  if (problems.length) Deno.exit(1);
  console.log("Every import follows the layers");
}
