/**
 * A local JSR registry with the packages of this workspace, for tests of what users see.
 *
 * @module
 */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isFile } from "@denoise/core";
import { type Member, members, root } from "../workspace/members.ts";
import { readFolder } from "./packages.ts";
import { Registry } from "./registry.ts";

export { Registry };
export type { ServedPackage } from "./packages.ts";

const standIns = new URL("../../tests/support/jsr/", import.meta.url);

/**
 * Starts a registry that holds every package of the workspace as `deno publish` sends it, and the
 * stand-ins of the standard library that their tests import.
 */
export async function workspaceRegistry(at: URL = root): Promise<Registry> {
  const registry = await standInRegistry();
  const folder = await sideBySide(await members(at));
  try {
    await send(folder, registry, "the workspace");
  } finally {
    await rm(folder, { recursive: true });
  }
  return registry;
}

/**
 * A workspace of the same packages in which the root is a package beside the others: so one `deno publish` sends
 * all of them, which takes a fraction of the time of one for each.
 *
 * @returns Its folder.
 */
async function sideBySide([first, ...others]: readonly Member[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "denoise-workspace-"));
  const { workspace: _, ...config } = first!.config;
  const write = (path: string, value: unknown) =>
    writeFile(join(folder, path), JSON.stringify(value));
  await write("deno.json", { workspace: ["./root", ...others.map(({ path }) => `./${path}`)] });
  for (const path of first!.config.publish?.include ?? []) {
    const from = new URL(path, first!.folder);
    if (await isFile(fileURLToPath(from))) await cp(from, join(folder, "root", path));
  }
  await write("root/deno.json", config);
  for (const { path, folder: from } of others) {
    await cp(from, join(folder, path), { recursive: true });
  }
  return folder;
}

/** Starts a registry that holds the stand-ins of `tests/support/jsr/`. */
export async function standInRegistry(): Promise<Registry> {
  const registry = new Registry();
  for await (const entry of Deno.readDir(standIns)) {
    if (entry.isDirectory) {
      await registry.add(await readFolder(new URL(`${entry.name}/`, standIns)));
    }
  }
  return registry;
}

/** Sends a package to the registry with `deno publish`, which rewrites its imports for JSR. */
export async function publish(member: Member, registry: Registry): Promise<void> {
  await send(fileURLToPath(member.folder), registry, member.config.name);
}

async function send(folder: string, registry: Registry, name: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "publish",
      "--quiet",
      "--no-check",
      "--no-lock",
      "--allow-dirty",
      "--allow-slow-types",
      "--no-provenance",
      "--token=local",
    ],
    cwd: folder,
    env: { JSR_URL: await registry.url() },
    stdin: "null",
  }).output();
  if (!success) {
    throw new Error(`Cannot publish ${name}: ${new TextDecoder().decode(stderr)}`);
  }
}
