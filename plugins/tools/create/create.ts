import { namesOf } from "./names.ts";
import { configSource, readmeSource, workflowSource } from "./template/files.ts";
import { modSource } from "./template/mod.ts";
import { testSource } from "./template/tests.ts";

/** The files of a new scheduler package by their paths. */
export function schedulerFiles(packageName: string): Readonly<Record<string, string>> {
  const names = namesOf(packageName);
  return {
    "deno.json": configSource(names),
    "mod.ts": modSource(names),
    "mod_test.ts": testSource(names),
    "README.md": readmeSource(names),
    ".github/workflows/publish.yml": workflowSource(),
  };
}

/**
 * Writes a new scheduler package, formatted, into a folder that is not there yet, or is empty.
 *
 * @param packageName Its name on JSR, such as `"@you/scheduler-cosine-euler"`.
 * @param folder Where to. Defaults to the second part of the name.
 * @returns The paths that were written.
 * @throws {Deno.errors.AlreadyExists} when the folder holds something.
 *
 * @example
 * ```ts
 * import { createScheduler } from "@denoise/create";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const paths = await createScheduler("@you/scheduler-cosine-euler", folder);
 * assertEquals(paths.includes(`${folder}/mod.ts`), true);
 * ```
 */
export async function createScheduler(packageName: string, folder?: string): Promise<string[]> {
  const files = schedulerFiles(packageName);
  const target = folder ?? packageName.split("/")[1]!;
  await Deno.mkdir(target, { recursive: true });
  for await (const { name } of Deno.readDir(target)) {
    throw new Deno.errors.AlreadyExists(
      `Cannot write ${packageName} into ${target}: it holds ${name} already; name another folder`,
    );
  }
  const paths: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const path = `${target}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, text);
    paths.push(path);
  }
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet"], cwd: target }).output();
  return paths;
}
