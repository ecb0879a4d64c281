/**
 * `deno task check:examples`: the examples in the documentation of every package compile and run,
 * in an empty folder, where what they write is no trouble.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { runWithJsr } from "../jsr_registry/with_jsr.ts";
import { members } from "../workspace/members.ts";

// The folders that packages lie in, as onnxruntime aborts under a command line of 7,000 bytes.
const paths = new Set(
  (await members()).flatMap(({ path, config }) => {
    const sources = (config.publish?.include ?? []).filter((file) => file.endsWith(".ts"));
    return path === "." ? sources : [path.split("/")[0]!];
  }),
);
const home = await Deno.makeTempDir({ prefix: "denoise-" });
const preload = fileURLToPath(new URL("empty_folder.ts", import.meta.url));
const args = ["--doc", "-A", "--parallel", `--preload=${preload}`, "--ignore=**/*_test.ts"];
Deno.exitCode = await runWithJsr("test", [...args, ...paths], { TMPDIR: home });
await Deno.remove(home, { recursive: true });
