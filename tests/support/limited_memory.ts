/**
 * Makes an image with a transformer in a process that may take so many bytes of memory of its own more than it
 * has when it begins, and prints its numbers and warnings as JSON. Counted is what is written (`ulimit -d`):
 * of address space threads reserve 64 MB each, or not, as it comes.
 *
 *     deno run -A limited_memory.ts TRANSFORMER BYTES [BLOCKS]
 */
import { DiffusionPipeline, FluxTransformer2DModel } from "@denoise/denoise";
import type { Tensor } from "@denoise/core";
import { fixture } from "./golden.ts";

const [folder, bytes, blocks] = Deno.args;
const call = {
  numInferenceSteps: 2,
  seed: 0,
  height: 32,
  width: 32,
  outputType: "tensor",
} as const;
const repo = fixture("tiny-flux-dev");
const tiny = await DiffusionPipeline.fromPretrained(repo);
await tiny("a cat", call); // what every run needs is there

const size = 1024 *
  Number(/^VmData:\s*(\d+)/m.exec(Deno.readTextFileSync("/proc/self/status"))![1]);
const { success } = await new Deno.Command("prlimit", {
  args: [`--pid=${Deno.pid}`, `--data=${size + Number(bytes)}`],
}).output();
if (!success) throw new Error("prlimit failed");

const warnings: string[] = [];
const transformer = await FluxTransformer2DModel.fromPretrained(folder!, {
  onWarning: (message) => warnings.push(message),
});
if (blocks !== undefined) await transformer.enableGroupOffload({ numBlocksPerGroup: +blocks });
const pipe = await DiffusionPipeline.fromPretrained(repo, { transformer });
const { tensor } = await pipe("a cat", call) as { tensor: Tensor };
console.log(JSON.stringify({ numbers: [...tensor.toFloat32Array()], warnings }));
