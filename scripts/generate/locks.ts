/**
 * The parts of deno.lock that some programs need. Deno fetches all of a lock before it runs a program, so that who makes a
 * first image by the lock of the command line, or builds an image of the server by that of the server, fetches neither the
 * libraries of the tests nor those of the makers of the docs.
 *
 * @module
 */
import { root } from "../workspace/members.ts";

/** The command line. */
const CLI = "plugins/tools/cli/main.ts";

/** Where the parts are, from the root, and which programs they are for. */
export const LOCKS: Readonly<Record<string, readonly string[]>> = {
  "plugins/tools/cli/deno.lock": [CLI],
  "functions/deno.lock": [
    CLI,
    "functions/main.ts",
    "functions/edge.ts",
    "functions/worker.ts",
    "functions/permissions.ts",
    "scripts/gpu/libraries.ts",
  ],
};

interface LockedPackage {
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
}

/** A lock file, without what JSR gives, of which they need nothing outside the workspace. */
interface Lock {
  readonly version: string;
  /** Versions by what asks for them, such as `"npm:hono@^4.0.0"`. */
  readonly specifiers: Readonly<Record<string, string>>;
  /** npm packages by `name@version`. */
  readonly npm: Readonly<Record<string, LockedPackage>>;
  /** What the packages of the workspace import. */
  readonly workspace: unknown;
}

/** What the lock of some programs should hold. */
export async function lockOf(programs: readonly string[]): Promise<string> {
  const used = new Set((await Promise.all(programs.map(packagesOf))).flat());
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
async function packagesOf(module: string): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", module],
    cwd: root,
  }).output();
  if (!success) throw new Error(`Cannot read imports: ${new TextDecoder().decode(stderr)}`);
  const graph: { modules: { npmPackage?: string }[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  return graph.modules.flatMap(({ npmPackage }) => npmPackage ?? []);
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
