import { fileURLToPath } from "node:url";

/** Longest installation in milliseconds. */
const INSTALL_MS = 600_000;

/** A program that ended. */
export interface Ran {
  /** Whether it ended with 0. */
  readonly success: boolean;
  /** What it said, on both outputs. */
  readonly output: string;
}

/** Packages of Python in a folder of their own. */
export interface PythonPackages {
  /** Runs one of their programs, or `python` itself, in that folder. */
  run(program: string, args: readonly string[], ms: number): Promise<Ran>;
}

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  ms: number,
): Promise<Ran> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    stdin: "null",
    env: { NO_COLOR: "1", PYTHONWARNINGS: "ignore" },
    signal: AbortSignal.timeout(ms),
  }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

/**
 * Installs packages into `.cache/NAME`, once; undefined, said in one line, where that does not work.
 *
 * @param packages With their versions, such as `schemathesis==4.32.5`.
 * @param modules Modules of theirs, which tell whether they are there.
 */
export async function pythonPackages(
  name: string,
  packages: readonly string[],
  modules: readonly string[],
): Promise<PythonPackages | undefined> {
  const folder = fileURLToPath(new URL(`../../.cache/${name}`, import.meta.url));
  await Deno.mkdir(folder, { recursive: true });
  const inFolder = (program: string, args: readonly string[], ms: number) =>
    run(`${folder}/bin/${program}`, args, folder, ms);
  const works = (): Promise<boolean> =>
    inFolder("python", ["-c", `import ${modules.join(", ")}`], INSTALL_MS)
      .then(({ success }) => success, () => false);
  if (await works()) return { run: inFolder };
  try {
    // an installation that was broken off is no beginning
    await run("python3", ["-m", "venv", "--clear", folder], folder, INSTALL_MS);
    await inFolder("python", ["-m", "pip", "install", "--quiet", ...packages], INSTALL_MS);
  } catch {
    // reported below
  }
  if (await works()) return { run: inFolder };
  console.log(`${name} is left out: it could not be installed (Python 3.10 with venv and pip)`);
  return undefined;
}
