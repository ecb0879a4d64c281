/**
 * A local JSR registry with the packages of this workspace, for tests of what users see.
 *
 * @module
 */
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
  for (const member of await members(at)) await publish(member, registry);
  return registry;
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
    cwd: member.folder,
    env: { JSR_URL: await registry.url() },
    stdin: "null",
  }).output();
  if (!success) {
    throw new Error(`Cannot publish ${member.config.name}: ${new TextDecoder().decode(stderr)}`);
  }
}
