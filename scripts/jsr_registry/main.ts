/**
 * `deno task registry`: serves the packages of this workspace as JSR would, until it is stopped.
 *
 * @module
 */
import { workspaceRegistry } from "./mod.ts";

const registry = await workspaceRegistry();
const url = await registry.url();
for (const { name, version, files } of registry.packages) {
  console.log(`${name}@${version}  ${files.size} files`);
}
console.log(`Use it from any folder: JSR_URL=${url} deno run -A main.ts`);
