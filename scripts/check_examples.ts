/**
 * `deno task check:examples`: the examples in the documentation of every package compile and run.
 *
 * @module
 */
import { runWithJsr } from "./with_jsr.ts";
import { members } from "./workspace.ts";

const paths = (await members()).flatMap(({ path, config }) =>
  path === "." ? (config.publish?.include ?? []).filter((file) => file.endsWith(".ts")) : [path]
);
Deno.exitCode = await runWithJsr("test", [
  "--doc",
  "-A",
  "--parallel",
  "--ignore=**/*_test.ts",
  ...paths,
]);
