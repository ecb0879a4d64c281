/**
 * `deno task check:docs`: every exported symbol of every package is documented and has written
 * types (`deno doc --lint`); what the root package exports has a category, and its functions, classes
 * and values an example.
 *
 * @module
 */
import { entryPoints, members, root } from "../workspace/members.ts";

interface Doc {
  readonly nodes: Readonly<Record<string, { readonly symbols: readonly DocSymbol[] }>>;
}

interface DocSymbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly jsDoc?: { readonly tags?: readonly { readonly kind: string }[] };
  }[];
}

/** What a module exports, as Deno documents it. */
async function symbolsOf(module: string): Promise<DocSymbol[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--no-lock", "--json", "--quiet", new URL(module, root).href],
    cwd: root,
  }).output();
  const { nodes }: Doc = JSON.parse(new TextDecoder().decode(stdout));
  return Object.values(nodes).flatMap(({ symbols }) => symbols);
}

/** What is missing in the documentation of the root package; classes have theirs in their packages. */
async function rootProblems(): Promise<string[]> {
  const classes = new Set((await symbolsOf("plugins/classes.ts")).map(({ name }) => name));
  return (await symbolsOf("mod.ts")).flatMap(({ name, declarations }) => {
    if (classes.has(name)) return [];
    const tags = declarations.flatMap(({ jsDoc }) => jsDoc?.tags ?? []).map(({ kind }) => kind);
    const isType = declarations.every(({ kind }) => /^(interface|typeAlias)$/.test(kind));
    return (isType ? ["category"] : ["category", "example"])
      .filter((tag) => !tags.includes(tag))
      .map((tag) => `${name}, which the root package exports, has no @${tag}`);
  });
}

// All at once: a type that another package exports is public then.
const entries = (await members()).flatMap(entryPoints).map(({ href }) => href);
const child = new Deno.Command(Deno.execPath(), {
  args: ["doc", "--no-lock", "--lint", "--quiet", ...entries],
  cwd: root,
  stdout: "null",
}).spawn();
const problems = await rootProblems();
for (const problem of problems) console.error(problem);
Deno.exitCode = (await child.status).code || (problems.length > 0 ? 1 : 0);
