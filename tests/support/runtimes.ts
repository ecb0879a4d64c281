/**
 * Node.js, Bun and TypeScript as their npm packages bring them, installed once into `.cache/runtimes`.
 *
 * @module
 */
import process from "node:process";

/** Programs by their paths. */
export interface Runtimes {
  /** Node.js 24. */
  readonly node: string;
  /** Bun. */
  readonly bun: string;
  /** npm's own program, which Node.js runs. */
  readonly npm: string;
  /** TypeScript's compiler, which Node.js runs. */
  readonly tsc: string;
}

const FOLDER = new URL("../../.cache/runtimes/", import.meta.url);

const SYSTEM = process.platform === "win32" ? "win" : process.platform;
const NODE = `node-${SYSTEM}-${process.arch}`;
const BUN = `@oven/bun-${process.platform === "win32" ? "windows" : process.platform}-${
  process.arch === "arm64" ? "aarch64" : process.arch
}`;

/** The programs; undefined, and a line that says why, where they cannot be installed. */
export async function installedRuntimes(): Promise<Runtimes | undefined> {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const place = (path: string) =>
    decodeURIComponent(new URL(`node_modules/${path}`, FOLDER).pathname);
  const found: Runtimes = {
    node: place(`${NODE}/bin/node${suffix}`),
    bun: place(`${BUN}/bin/bun${suffix}`),
    npm: place("npm/bin/npm-cli.js"),
    tsc: place("typescript/bin/tsc"),
  };
  const isThere = async () => {
    const sizes = await Promise.all(Object.values(found).map((path) => Deno.stat(path)));
    return sizes.every(({ isFile }) => isFile);
  };
  if (await isThere().catch(() => false)) return found;
  const wanted = [`${NODE}@24`, `${BUN}@1`, "npm@11", "typescript@7"];
  await Deno.mkdir(FOLDER, { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-config", "--no-lock", "--quiet", "npm:npm@11", "install"],
      ...["--prefix", decodeURIComponent(FOLDER.pathname), "--no-audit", "--no-fund"],
      ...["--ignore-scripts", ...wanted],
    ],
    stdin: "null",
    stdout: "null",
  }).output();
  if (success && await isThere().catch(() => false)) return found;
  const why = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  console.log(`Left out: ${wanted.join(", ")} cannot be installed: ${why}`);
  return undefined;
}
