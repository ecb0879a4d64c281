/**
 * What must stay float32 where weights are held in float16, by the graphs that devices get. They run on
 * the CPU's provider here, which computes float16 graphs in float32 throughout; so a test looks at the
 * type that a graph computes in, too.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { type Device, type JsonObject, randn, type Tensor } from "@denoise/core";
import type { Autoencoder } from "@denoise/roles";
import { registry } from "@denoise/denoise/registry";
import { inlineEngine, type OnnxModelClass } from "@denoise/onnx";
import { openSafetensors, readTensor, type StoredTensor, storedTensor } from "@denoise/safetensors";
import { assertWithin, fixture, relativeDifference } from "./support/golden.ts";

const FOLDER = fixture("models/AutoencoderKL/sd1");

/** Computes on the CPU what is meant for a device; tells which graphs bring their input to 16 bits. */
function standIn() {
  const engine = inlineEngine();
  const halves: boolean[] = [];
  const createSession: typeof engine.createSession = (spec) => {
    const text = new TextDecoder("latin1").decode(spec.model);
    if (spec.name !== "probe") halves.push(text.includes("latents/Cast"));
    return engine.createSession({ ...spec, device: "cpu" });
  };
  return { engine: { ...engine, createSession }, halves };
}

/** The tensors with the first convolution of the decoder so strong that sums leave float16. */
async function strong(): Promise<[string, StoredTensor][]> {
  const file = await openSafetensors(`${FOLDER}/diffusion_pytorch_model.safetensors`);
  return await Promise.all([...file.tensors].map(async ([name, stored]) => {
    if (!name.startsWith("decoder.conv_in.")) return [name, stored];
    const tensor = await readTensor(stored);
    return [name, storedTensor(tensor.mul(1e5))];
  }));
}

async function decode(force_upcast: boolean, device: Device, z: Tensor) {
  const Class = await registry.get("AutoencoderKL", "model", "a test") as OnnxModelClass<
    Autoencoder
  >;
  const config = JSON.parse(await Deno.readTextFile(`${FOLDER}/config.json`)) as JsonObject;
  const { engine, halves } = standIn();
  const options = { torchDtype: "float16", engine } as const;
  const model = await Class.fromTensors({ ...config, force_upcast }, await strong(), options);
  await model.to(device);
  const { sample } = await model.decode(z);
  await model.dispose();
  return { sample, halves };
}

describe("force_upcast", () => {
  it("computes an autoencoder that leaves float16 in float32 on devices, too", async () => {
    const z = randn([1, 4, 4, 4]);
    const { sample: expected } = await decode(true, "cpu", z);
    for (const device of ["cuda", "tensorrt"] as const) {
      const { sample, halves } = await decode(true, device, z);
      // the same graph but for the operators that a device has: sums in another order
      assertWithin(relativeDifference(sample, expected), 1e-4, device);
      assertEquals(halves, [false]);
    }
    assertEquals((await decode(false, "tensorrt", z)).halves, [true]);
  });
});
