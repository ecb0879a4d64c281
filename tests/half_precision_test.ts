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
import type { OnnxModelClass } from "@denoise/onnx";
import { openSafetensors, readTensor, type StoredTensor, storedTensor } from "@denoise/safetensors";
import { assertWithin, fixture, relativeDifference } from "./support/golden.ts";
import { standIn } from "./support/stand_in.ts";

const FOLDER = fixture("models/AutoencoderKL/sd1");

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
  const { engine, graphs } = standIn();
  const options = { torchDtype: "float16", engine } as const;
  const model = await Class.fromTensors({ ...config, force_upcast }, await strong(), options);
  await model.to(device);
  const { sample } = await model.decode(z);
  await model.dispose();
  // a graph that computes in 16 bits brings its input to them
  return { sample, halves: graphs.map((text) => text.includes("latents/Cast")) };
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
