/**
 * Adapters in files of torch (.bin), against the same in safetensors.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { DenoiseError, DenoiseImage, randn, StableDiffusionPipeline } from "@denoise/denoise";
import { openSafetensors, type StoredTensor } from "@denoise/safetensors";
import { fixture } from "./support/golden.ts";
import { copyAsTorch, writeTorch } from "./support/torch_file.ts";

const folder = await Deno.makeTempDir({ prefix: "denoise-" });
const pipe = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"), {
  onWarning: () => {},
});

async function draw(options: object = {}): Promise<Uint8Array> {
  const output = await pipe("a red apple", { numInferenceSteps: 3, seed: 5, ...options });
  return output.images[0]!.data;
}

describe("files of torch", () => {
  afterAll(async () => {
    await pipe.dispose();
    await Deno.remove(folder, { recursive: true });
  });

  it("are LoRAs, also by the name that diffusers gave them", async () => {
    const file = new URL("./golden/lora/kohya.safetensors", import.meta.url).pathname;
    const plain = await draw();
    await pipe.loadLoraWeights(file);
    const wanted = await draw();
    await pipe.unloadLoraWeights();
    await copyAsTorch(file, `${folder}/pytorch_lora_weights.bin`);
    await pipe.loadLoraWeights(folder);
    assertEquals(await draw(), wanted);
    await pipe.unloadLoraWeights();
    assertEquals(await draw(), plain);
  });

  it("are IP-Adapters, whose parts lie in dicts of their own, those of faces too", async () => {
    const where = fixture("ip_adapter");
    const image = new DenoiseImage(16, 16, 3, new Uint8Array(3 * 16 * 16).fill(90));
    const followed = {
      plain: { ipAdapterImage: image },
      face: { ipAdapterImageEmbeds: [randn([2, 1, 6])] },
    };
    for (const name of ["plain", "face"] as const) {
      const { tensors } = await openSafetensors(`${where}/${name}.safetensors`);
      const parts = new Map<string, Map<string, StoredTensor>>();
      for (const [key, tensor] of tensors) {
        const [part, ...rest] = key.split(".") as [string, ...string[]];
        parts.set(part, (parts.get(part) ?? new Map()).set(rest.join("."), tensor));
      }
      await writeTorch(`${folder}/${name}.bin`, parts);
      const encoder = { imageEncoderPretrainedModelNameOrPath: `${where}/image_encoder` };
      const drawn: Uint8Array[] = [];
      for (const file of [`${where}/${name}.safetensors`, `${folder}/${name}.bin`]) {
        await pipe.loadIpAdapter(file, encoder);
        drawn.push(await draw(followed[name]));
        await pipe.unloadIpAdapter();
      }
      assertEquals(drawn[1], drawn[0]);
    }
  });

  it("are refused where they would run something", async () => {
    const path = `${folder}/evil.bin`;
    await Deno.writeFile(path, new TextEncoder().encode("cposix\nsystem\n(S'id'\ntR."));
    const loads = [
      () => pipe.loadLoraWeights(path),
      () => pipe.loadIpAdapter(path),
      () => pipe.loadTextualInversion(path),
    ];
    for (const load of loads) {
      const error = await assertRejects(async () => void await load(), DenoiseError);
      assertEquals(error.code, "pickle_refused");
    }
  });
});
