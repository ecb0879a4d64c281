/**
 * `deno task check:examples`: the examples in the documentation of every package compile and run,
 * in an empty folder, where what they write is no trouble.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { sourceFiles } from "./imports.ts";
import { runWithJsr } from "./with_jsr.ts";
import { members, root } from "./workspace.ts";

const packages = await members();
const paths = packages.flatMap(({ folder, path, config }) => {
  const sources = (config.publish?.include ?? []).filter((file) => file.endsWith(".ts"));
  return path === "." ? sources.map((file) => new URL(file, folder)) : [folder];
}).map((path) => fileURLToPath(path));
const tests: string[] = [];
for (const { folder } of packages.filter(({ path }) => path !== ".")) {
  for await (const file of sourceFiles(folder)) {
    if (file.pathname.endsWith("_test.ts")) tests.push(fileURLToPath(file));
  }
}
const config = fileURLToPath(new URL("deno.json", root));
const home = await Deno.makeTempDir({ prefix: "denoise-" });
Deno.chdir(home);
const args = ["--doc", "-A", "--parallel", `--config=${config}`, `--ignore=${tests}`, ...paths];
Deno.exitCode = await runWithJsr("test", args);
Deno.chdir(fileURLToPath(root));
await Deno.remove(home, { recursive: true });
