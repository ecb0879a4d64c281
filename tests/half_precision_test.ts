/**
 * What must stay float32 where weights are held in float16, by the graphs that devices get: they run on
 * the CPU's provider here, which rounds what lies between operators to float16 as a card does.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert } from "@std/assert";
import { type Device, type JsonObject, randn, type Tensor } from "@denoise/core";
import type { Autoencoder } from "@denoise/roles";
import { registry } from "@denoise/denoise/registry";
import { inlineEngine, type OnnxModelClass } from "@denoise/onnx";
import { openSafetensors, readTensor, type StoredTensor, storedTensor } from "@denoise/safetensors";
import { assertWithin, fixture, relativeDifference } from "./support/golden.ts";

const FOLDER = fixture("models/AutoencoderKL/sd1");

/** Computes what is meant for a device on the CPU. */
function standIn() {
  const engine = inlineEngine();
  const createSession: typeof engine.createSession = (spec) =>
    engine.createSession({ ...spec, device: "cpu" });
  return { ...engine, createSession };
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

async function decode(force_upcast: boolean, device: Device, z: Tensor): Promise<Tensor> {
  const Class = await registry.get("AutoencoderKL", "model", "a test") as OnnxModelClass<
    Autoencoder
  >;
  const config = JSON.parse(await Deno.readTextFile(`${FOLDER}/config.json`)) as JsonObject;
  const options = { torchDtype: "float16", engine: standIn() } as const;
  const model = await Class.fromTensors({ ...config, force_upcast }, await strong(), options);
  await model.to(device);
  const { sample } = await model.decode(z);
  await model.dispose();
  return sample;
}

describe("force_upcast", () => {
  it("computes an autoencoder that leaves float16 in float32 on devices, too", async () => {
    const z = randn([1, 4, 4, 4]).mul(20);
    const expected = await decode(true, "cpu", z);
    for (const device of ["cuda", "tensorrt"] as const) {
      // the same graph but for the operators that a device has: sums in another order
      assertWithin(relativeDifference(await decode(true, device, z), expected), 1e-4, device);
    }
    const black = await decode(false, "tensorrt", z);
    assert(!black.toFloat32Array().every(Number.isFinite), "the weights do not leave float16");
  });
});
