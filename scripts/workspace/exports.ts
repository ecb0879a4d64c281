/**
 * What the modules of the workspace export, as Deno documents it.
 *
 * @module
 */
import { root } from "./members.ts";

/** An exported name and where it is declared. */
export interface Exported {
  readonly name: string;
  /** The file, from the root. */
  readonly file: string;
  /** Whether it is a type alone. */
  readonly isType: boolean;
}

interface Doc {
  readonly nodes: Readonly<Record<string, { readonly symbols: readonly DocSymbol[] }>>;
}

interface DocSymbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly location: { readonly filename: string };
  }[];
}

/** The last of the processes on each core; hundreds at once would take the machine. */
const turns: Promise<unknown>[] = Array.from(
  { length: navigator.hardwareConcurrency },
  () => Promise.resolve(),
);
let next = 0;

/** What modules export, re-exports left out, as Deno documents it; as many at once as there are cores. */
export function exportsOf(modules: readonly URL[]): Promise<Exported[]> {
  const place = next++ % turns.length;
  const exported = turns[place]!.then(() => documented(modules));
  turns[place] = exported.catch(() => {});
  return exported;
}

async function documented(modules: readonly URL[]): Promise<Exported[]> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--no-lock", "--json", "--quiet", ...modules.map(({ href }) => href)],
    cwd: root,
  }).output();
  if (!success) throw new Error(`Cannot read the exports of ${modules.join(", ")}`);
  const { nodes }: Doc = JSON.parse(new TextDecoder().decode(stdout));
  const found = Object.values(nodes).flatMap(({ symbols }) =>
    symbols.flatMap(({ name, declarations }) =>
      declarations.filter(({ kind }) => kind !== "reference").map(({ kind, location }) => ({
        name,
        file: location.filename.slice(root.href.length),
        isType: /^(interface|typeAlias)$/.test(kind),
      }))
    )
  );
  return [...new Map(found.map((one) => [`${one.name} ${one.file}`, one])).values()];
}
