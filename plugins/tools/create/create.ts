import { type Kind, type Names, namesOf } from "./names.ts";
import { configSource, readmeSource, workflowSource } from "./template/files.ts";
import { modelSource, modelTests } from "./template/model.ts";
import { pipelineSource, pipelineTests } from "./template/pipeline.ts";
import { schedulerSource, schedulerTests } from "./template/scheduler.ts";

const SOURCES: Readonly<
  Record<Kind, readonly [(names: Names) => string, (names: Names) => string]>
> = {
  scheduler: [schedulerSource, schedulerTests],
  pipeline: [pipelineSource, pipelineTests],
  model: [modelSource, modelTests],
};

/** The files of a new package by their paths. */
export function packageFiles(packageName: string, kind?: Kind): Readonly<Record<string, string>> {
  const names = namesOf(packageName, kind);
  const [source, tests] = SOURCES[names.kind];
  return {
    "deno.json": configSource(names),
    "mod.ts": source(names),
    "mod_test.ts": tests(names),
    "README.md": readmeSource(names),
    ".github/workflows/publish.yml": workflowSource(),
  };
}

/** Where and what of a new package. */
export interface CreateOptions {
  /** Where to. Defaults to the second part of the name. */
  readonly folder?: string | undefined;
  /** What it holds. Defaults to what its name says (`pipeline-x`, `model-x`), else a scheduler. */
  readonly kind?: Kind | undefined;
}

/**
 * Writes a new package, formatted, into a folder that is not there yet, or is empty.
 *
 * @param packageName Its name on JSR, such as `"@you/scheduler-cosine-euler"`.
 * @returns The paths that were written.
 * @throws {Deno.errors.AlreadyExists} when the folder holds something.
 *
 * @example
 * ```ts
 * import { createPackage } from "@denoise/create";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const paths = await createPackage("@you/pipeline-between", { folder });
 * assertEquals(paths.includes(`${folder}/mod.ts`), true);
 * ```
 */
export async function createPackage(
  packageName: string,
  { folder, kind }: CreateOptions = {},
): Promise<string[]> {
  const files = packageFiles(packageName, kind);
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
