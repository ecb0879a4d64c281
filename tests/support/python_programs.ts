import { fileURLToPath } from "node:url";
import { type Ran, runProgram } from "./programs.ts";

/** Longest installation in milliseconds. */
const INSTALL_MS = 600_000;

/** Packages of Python in a folder of their own. */
export interface PythonPackages {
  /** Runs one of their programs, or `python` itself, in that folder. */
  run(program: string, args: readonly string[], ms: number): Promise<Ran>;
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
    runProgram(`${folder}/bin/${program}`, args, folder, ms);
  const works = (): Promise<boolean> =>
    inFolder("python", ["-c", `import ${modules.join(", ")}`], INSTALL_MS)
      .then(({ success }) => success, () => false);
  if (await works()) return { run: inFolder };
  try {
    // an installation that was broken off is no beginning
    await runProgram("python3", ["-m", "venv", "--clear", folder], folder, INSTALL_MS);
    await inFolder("python", ["-m", "pip", "install", "--quiet", ...packages], INSTALL_MS);
  } catch {
    // reported below
  }
  if (await works()) return { run: inFolder };
  console.log(`${name} is left out: it could not be installed (Python 3.10 with venv and pip)`);
  return undefined;
}
