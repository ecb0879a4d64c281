/**
 * plugins/tools/cli/deno.lock: the part of deno.lock that the command line needs. The first command of the README names it, so that who
 * makes a first image fetches these packages and not those of the tests, the server and the makers of the docs.
 *
 * @module
 */
import { root } from "../workspace/members.ts";

/** Where it is, from the root. */
export const CLI_LOCK = "plugins/tools/cli/deno.lock";

interface LockedPackage {
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
}

/** A lock file, without what JSR gives, of which the command line needs nothing outside the workspace. */
interface Lock {
  readonly version: string;
  /** Versions by what asks for them, such as `"npm:hono@^4.0.0"`. */
  readonly specifiers: Readonly<Record<string, string>>;
  /** npm packages by `name@version`. */
  readonly npm: Readonly<Record<string, LockedPackage>>;
  /** What the packages of the workspace import. */
  readonly workspace: unknown;
}

/** What plugins/tools/cli/deno.lock should hold. */
export async function cliLock(): Promise<string> {
  const used = await packagesOf("plugins/tools/cli/main.ts");
  const lock: Lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", root)));
  const needed = new Set<string>();
  const visit = (id: string) => {
    if (needed.has(id)) return;
    needed.add(id);
    const { dependencies = [], optionalDependencies = [] } = lock.npm[id]!;
    for (const name of [...dependencies, ...optionalDependencies]) visit(idOf(name, lock));
  };
  used.forEach(visit);
  const npm = Object.entries(lock.npm).filter(([id]) => needed.has(id));
  const specifiers = Object.entries(lock.specifiers)
    .filter(([specifier, version]) => used.has(`${nameIn(specifier)}@${version}`));
  const part: Lock = {
    version: lock.version,
    specifiers: Object.fromEntries(specifiers),
    npm: Object.fromEntries(npm),
    workspace: lock.workspace,
  };
  return `${JSON.stringify(part, null, 2)}\n`;
}

/** The npm packages that a module and what it imports ask for themselves, by `name@version`. */
async function packagesOf(module: string): Promise<Set<string>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", module],
    cwd: root,
  }).output();
  if (!success) throw new Error(`Cannot read imports: ${new TextDecoder().decode(stderr)}`);
  const graph: { modules: { npmPackage?: string }[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  return new Set(graph.modules.flatMap(({ npmPackage }) => npmPackage ?? []));
}

/** `name` of `npm:name@^1.0.0`. */
function nameIn(specifier: string): string {
  return specifier.slice("npm:".length, specifier.lastIndexOf("@"));
}

/** The package that a dependency names: by its version too where there are several. */
function idOf(dependency: string, { npm }: Lock): string {
  return dependency in npm
    ? dependency
    : Object.keys(npm).find((id) => id.slice(0, id.indexOf("@", 1)) === dependency)!;
}
