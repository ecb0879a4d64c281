/**
 * LoRAs of Z-Image, Qwen-Image, FLUX.2, FLUX.3, SD3, Chroma, AuraFlow, Lumina 2, Sana and Krea 2 in the styles of
 * trainers against what diffusers makes of the same changes
 * (scripts/reference/lora_transformers_goldens.py).
 *
 * @module
 */
import { assert } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DiffusionPipeline } from "@denoise/denoise";
import type { Image } from "@denoise/core";
import { openSafetensors, readTensor } from "@denoise/safetensors";
import { fixture } from "./support/golden.ts";

const FOLDER = new URL("./golden/lora/", import.meta.url).pathname;
const { tensors } = await openSafetensors(`${FOLDER}transformers-images.safetensors`);
const CALL = { height: 32, width: 32, numInferenceSteps: 4, seed: 5 };
const REPOS = [
  ["z-image", "tiny-z-image", { guidanceScale: 0 }],
  ["qwen-image", "tiny-qwen-image", {}],
  ["sd3", "tiny-sd3", { maxSequenceLength: 16 }],
  ["chroma", "tiny-chroma", { maxSequenceLength: 16 }],
  ["flux2", "tiny-flux2-klein", { maxSequenceLength: 64 }],
  ["flux3", "tiny-flux3", {}],
  ["aura-flow", "tiny-aura-flow", { maxSequenceLength: 16 }],
  ["lumina2", "tiny-lumina2", { maxSequenceLength: 16 }],
  ["krea2", "tiny-krea2", { guidanceScale: 0 }],
  ["sana", "tiny-sana", { maxSequenceLength: 16, useResolutionBinning: false }],
] as const;

/** Where the scale of a call makes the image of that weight (the maker of the images asserts it of diffusers). */
const SCALED: Readonly<Record<string, string>> = {
  "z-image": "jointAttentionKwargs",
  "aura-flow": "attentionKwargs",
};

/** The largest difference at any pixel, of 255. */
async function distance(image: Image, golden: string): Promise<number> {
  const expected = await readTensor(tensors.get(golden)!);
  return Math.max(...image.data.map((value, i) => Math.abs(value - Number(expected.data[i]))));
}

for (const [name, repo, more] of REPOS) {
  describe(`loadLoraWeights() of ${repo}`, () => {
    for (const style of ["peft", "comfyui", "kohya"]) {
      it(`applies a file in the style of ${style}, at any weight`, async () => {
        await using pipe = await DiffusionPipeline.fromPretrained(fixture(repo), {
          onWarning: () => {},
        });
        const draw = async (scaled: object = {}) => {
          const options = { ...CALL, ...more, ...scaled };
          return (await pipe("a red apple", options) as { images: Image[] }).images[0]!;
        };
        assert(await distance(await draw(), `${name} base`) <= 1);
        await pipe.loadLoraWeights(`${FOLDER}${name}-${style}.safetensors`, { adapterName: "one" });
        assert(await distance(await draw(), name) <= 1);
        await pipe.setAdapters("one", { transformer: 0.4 });
        assert(await distance(await draw(), `${name} 0.4`) <= 1);
        const kwargs = SCALED[name];
        if (kwargs === undefined) return;
        await pipe.setAdapters("one", 1);
        assert(await distance(await draw({ [kwargs]: { scale: 0.4 } }), `${name} 0.4`) <= 1);
      });
    }
  });
}
