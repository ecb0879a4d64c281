/**
 * LoRAs of Z-Image, Qwen-Image, Qwen-Image 2.1, ERNIE-Image, FLUX.2, FLUX.3, SD3, Chroma, AuraFlow, Lumina 2, Sana,
 * Krea 2 and Anima in the styles of trainers against what diffusers makes of the same changes
 * (scripts/reference/lora_transformers_goldens.py).
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DiffusionPipeline, FlowMatchEulerDiscreteScheduler } from "@denoise/denoise";
import { type Image, Tensor } from "@denoise/core";
import { openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import { fixture } from "./support/golden.ts";

const FOLDER = new URL("./golden/lora/", import.meta.url).pathname;
const { tensors } = await openSafetensors(`${FOLDER}transformers-images.safetensors`);
const CALL = { height: 32, width: 32, numInferenceSteps: 4, seed: 5 };
const REPOS = [
  ["z-image", "tiny-z-image", { guidanceScale: 0 }],
  ["qwen-image", "tiny-qwen-image", {}],
  ["qwen-image21", "tiny-qwen-image21", {}],
  ["ernie-image", "tiny-ernie-image", { guidanceScale: 1 }],
  ["sd3", "tiny-sd3", { maxSequenceLength: 16 }],
  ["chroma", "tiny-chroma", { maxSequenceLength: 16 }],
  ["qwen-image-lightning", "tiny-qwen-image-lightning", { trueCfgScale: 1 }],
  ["flux2-dev", "tiny-flux2-dev", { maxSequenceLength: 160 }],
  ["flux2", "tiny-flux2-klein", { maxSequenceLength: 64 }],
  ["flux3", "tiny-flux3", {}],
  ["aura-flow", "tiny-aura-flow", { maxSequenceLength: 16 }],
  ["lumina2", "tiny-lumina2", { maxSequenceLength: 16 }],
  ["krea2", "tiny-krea2", { guidanceScale: 0 }],
  ["anima", "tiny-anima", { maxSequenceLength: 16 }],
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
        await pipe.setAdapters("one", name === "anima" ? 0.4 : { transformer: 0.4 });
        assert(await distance(await draw(), `${name} 0.4`) <= 1);
        const kwargs = SCALED[name];
        if (kwargs === undefined) return;
        await pipe.setAdapters("one", 1);
        assert(await distance(await draw({ [kwargs]: { scale: 0.4 } }), `${name} 0.4`) <= 1);
      });
    }
  });
}

/** Other names for the same changes, by file: what each makes of the layer and of the end of a name. */
const STYLES: readonly (readonly [
  style: string,
  name: string,
  repo: string,
  options: object,
  rename: (layer: string, end: "A" | "B") => string,
])[] = [
  [
    "Lightning, whose names have no beginning",
    "qwen-image-lightning",
    "tiny-qwen-image-lightning",
    { trueCfgScale: 1 },
    (layer, end) => `${layer}.lora_${end === "A" ? "down" : "up"}.weight`,
  ],
  [
    "PEFT's adapter in ComfyUI's names",
    "z-image",
    "tiny-z-image",
    { guidanceScale: 0 },
    (layer, end) => `diffusion_model.${layer}.lora_${end === "A" ? "down" : "up"}.default.weight`,
  ],
  [
    "exports of FLUX.2 that shorten the blocks' name",
    "flux2",
    "tiny-flux2-klein",
    { maxSequenceLength: 64 },
    (layer, end) =>
      `diffusion_model.${layer.replace(/^tran(?=sformer_blocks)/, "")}.lora_${end}.weight`,
  ],
];

const dotted = (key: string): string =>
  key.replace("lycoris_", "transformer.")
    .replace(/(transformer_blocks)_(\d+)_(attn|ff|ff_context)_(to|add|linear)/, "$1.$2.$3.$4")
    .replace(/to_out_0/, "to_out.0");
const underscored = (key: string): string =>
  key.replace(
    /^diffusion_model\.(.*)(?=\.(?:lokr_|alpha))/,
    (_, layer) => `lora_unet_${layer.replaceAll(".", "_")}`,
  );
const joined = (key: string): string =>
  key.replace(
    /^diffusion_model\.double_blocks\.(\d+)\.(img|txt)_attn\.qkv/,
    (_, block, stream) =>
      `transformer.transformer_blocks.${block}.attn.${
        stream === "img" ? "to_qkv" : "to_added_qkv"
      }`,
  );

describe("loadLoraWeights()", () => {
  for (const [style, name, repo, more, rename] of STYLES) {
    it(`takes the names of ${style}`, async () => {
      const { tensors: own } = await openSafetensors(`${FOLDER}${name}-peft.safetensors`);
      const renamed: Record<string, Tensor> = {};
      for (const [key, stored] of own) {
        const [, layer, end] = /^transformer\.(.*)\.lora_(A|B)\.weight$/.exec(key)!;
        const tensor = await readTensor(stored);
        renamed[rename(layer!, end as "A" | "B")] = tensor;
        if (end === "A" && name.includes("lightning")) {
          renamed[`${layer}.alpha`] = Tensor.from(Float32Array.of(tensor.dims[0]!), []);
        }
      }
      const file = await Deno.makeTempFile({ suffix: ".safetensors" });
      await saveSafetensors(file, renamed);
      await using pipe = await DiffusionPipeline.fromPretrained(fixture(repo), {
        onWarning: () => {},
      });
      await pipe.loadLoraWeights(file);
      const { images } = await pipe("a red apple", { ...CALL, ...more }) as { images: Image[] };
      assert(await distance(images[0]!, name) <= 1);
      await Deno.remove(file);
    });
  }

  const lokr: readonly (readonly [style: string, file: string, rename: (key: string) => string])[] =
    [
      ["ai-toolkit", "lokr", (key) => key],
      ["LyCORIS", "lycoris", (key) => key],
      ["LyCORIS, by diffusers' names with dots", "lycoris", dotted],
      ["ai-toolkit, by kohya's names", "lokr", underscored],
      ["diffusers, whose projections are joined", "lokr", joined],
    ];
  for (const [style, name, rename] of lokr) {
    it(`takes LoKr of FLUX.2 in the names of ${style}`, async () => {
      const { tensors: own } = await openSafetensors(`${FOLDER}flux2-${name}.safetensors`);
      const renamed: Record<string, Tensor> = {};
      for (const [key, stored] of own) renamed[rename(key)] = await readTensor(stored);
      const file = await Deno.makeTempFile({ suffix: ".safetensors" });
      await saveSafetensors(file, renamed);
      await using pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-flux2-klein"), {
        onWarning: () => {},
      });
      await pipe.loadLoraWeights(file);
      const options = { ...CALL, maxSequenceLength: 64 };
      const { images } = await pipe("a red apple", options) as { images: Image[] };
      assert(await distance(images[0]!, `flux2 ${name}`) <= 1);
      await Deno.remove(file);
    });
  }

  it("takes the names that Anima's trainer and its conversion for ComfyUI give to Qwen3", async () => {
    await using pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-anima"), {
      onWarning: () => {},
    });
    const draw = async () => {
      const options = { ...CALL, maxSequenceLength: 16 };
      return (await pipe("a red apple", options) as { images: Image[] }).images[0]!.data;
    };
    const before = await draw();
    const [down, up] = [Tensor.full([2, 24], 0.4), Tensor.full([16, 2], 0.4)];
    const files = {
      "text_encoder.layers.0.mlp.down_proj": ["lora_A", "lora_B"],
      "lora_te_layers_0_mlp_down_proj": ["lora_down", "lora_up"],
      "text_encoder.qwen3.layers.0.mlp.down_proj": ["lora_A", "lora_B"],
      "text_encoders.qwen3_06b.transformer.model.layers.0.mlp.down_proj": ["lora_A", "lora_B"],
    };
    const made: Uint8Array[] = [];
    for (const [layer, [a, b]] of Object.entries(files)) {
      const file = await Deno.makeTempFile({ suffix: ".safetensors" });
      await saveSafetensors(file, { [`${layer}.${a}.weight`]: down, [`${layer}.${b}.weight`]: up });
      const adapterName = await pipe.loadLoraWeights(file);
      made.push(await draw());
      await pipe.deleteAdapters(adapterName);
      await Deno.remove(file);
    }
    assert(made[0]!.some((x, i) => x !== before[i]));
    for (const other of made.slice(1)) assertEquals(other, made[0]);
  });

  it("of Lightning goes with the scheduler of the repo, three options changed", async () => {
    const [name, more] = ["qwen-image-lightning", { trueCfgScale: 1 }];
    await using pipe = await DiffusionPipeline.fromPretrained(fixture(`tiny-${name}`), {
      onWarning: () => {},
    });
    const usual = await FlowMatchEulerDiscreteScheduler.fromPretrained(
      `${fixture("tiny-qwen-image")}/scheduler`,
    );
    await pipe.loadLoraWeights(`${FOLDER}${name}-peft.safetensors`);
    const draw = async () =>
      (await pipe("a red apple", { ...CALL, ...more }) as { images: Image[] }).images[0]!;
    pipe.scheduler = usual;
    assert(await distance(await draw(), name) > 1);
    pipe.scheduler = FlowMatchEulerDiscreteScheduler.fromConfig(usual.config, {
      ...{ base_shift: 1.0986, max_shift: 1.0986, shift_terminal: null },
    });
    assert(await distance(await draw(), name) <= 1);
  });
});
