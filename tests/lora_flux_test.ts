/**
 * LoRAs of FLUX.1 in the styles of all trainers against what diffusers makes of them
 * (scripts/reference/lora_flux_goldens.py, which holds each file to diffusers' own conversion).
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import type { Image } from "@denoise/core";
import type { AdaptableModel } from "@denoise/adapters";
import {
  DenoiseError,
  DenoiseImage,
  FluxControlPipeline,
  FluxPipeline,
  StableDiffusionPipeline,
  Tensor,
} from "@denoise/denoise";
import { openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import { fixture } from "./support/golden.ts";

const FOLDER = new URL("./golden/lora/", import.meta.url).pathname;
const { tensors } = await openSafetensors(`${FOLDER}flux-images.safetensors`);
const pipe = await FluxPipeline.fromPretrained(fixture("tiny-flux-dev"));
const CALL = { height: 32, width: 32, numInferenceSteps: 4, maxSequenceLength: 16, seed: 5 };

async function draw(): Promise<Image> {
  return (await pipe("a red apple", CALL)).images[0]!;
}

/** The largest difference at any pixel, of 255. */
async function distance(image: Image, golden: string): Promise<number> {
  const expected = await readTensor(tensors.get(golden)!);
  return Math.max(...image.data.map((value, i) => Math.abs(value - Number(expected.data[i]))));
}

async function written(changes: Readonly<Record<string, Tensor>>): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  await saveSafetensors(path, changes);
  return path;
}

describe("loadLoraWeights() of FLUX.1", () => {
  afterAll(() => pipe.dispose());

  const FILES = [
    ["flux", "peft"],
    ["flux", "kohya"],
    ["flux", "comfyui"],
    ["flux", "underscored"],
    ["flux", "fal"],
    ["flux blocks", "kohya-blocks"],
    ["flux xlabs", "xlabs"],
    ["flux lycoris", "lycoris"],
    ["flux lycoris", "lycoris-dotted"],
  ] as const;
  for (const [golden, style] of FILES) {
    it(`applies a file in the style of ${style}, at any weight`, async () => {
      await pipe.loadLoraWeights(`${FOLDER}flux-${style}.safetensors`, { adapterName: "one" });
      assert(await distance(await draw(), golden) <= 1);
      await pipe.setAdapters("one", { transformer: 0.4 });
      assert(await distance(await draw(), `${golden} 0.4`) <= 1);
      await pipe.unloadLoraWeights();
      assert(await distance(await draw(), "flux base") <= 1);
    });
  }

  it("brings the rows of layers that a Kronecker product changes together to its lengths", async () => {
    await pipe.loadLoraWeights(`${FOLDER}flux-lokr-dora.safetensors`);
    assert(await distance(await draw(), "flux lokr dora") <= 1);
    await pipe.unloadLoraWeights();
  });

  it("makes the transformer wider for a Control LoRA, and others fit it", async () => {
    await using control = await FluxControlPipeline.fromPretrained(fixture("tiny-flux-dev"));
    const { data, dims } = await readTensor(tensors.get("control image")!);
    const [height, width] = dims as [number, number, number];
    const controlImage = new DenoiseImage(width, height, 3, Uint8Array.from(data, Number));
    const draw = async () => (await control("a red apple", { ...CALL, controlImage })).images[0]!;
    const refused = () => assertRejects(draw, RangeError, "16 input channels");
    await refused();
    const { layerShapes, config } = control.transformer as unknown as AdaptableModel;
    const shapes = [...layerShapes];
    // a plain one that came before fits what is wider later
    await control.loadLoraWeights(`${FOLDER}flux-control-plain.safetensors`, {
      adapterName: "plain",
    });
    await control.loadLoraWeights(`${FOLDER}flux-control.safetensors`, { adapterName: "control" });
    assertEquals(control.transformer.config.in_channels, 32);
    await control.setAdapters("control");
    assert(await distance(await draw(), "flux control") <= 1);
    await control.setAdapters("control", 0.4);
    assert(await distance(await draw(), "flux control 0.4") <= 1);
    await control.setAdapters(["control", "plain"], [0.8, 0.5]);
    assert(await distance(await draw(), "flux control and plain") <= 1);
    await control.unloadLoraWeights();
    await refused();
    assertEquals(control.transformer.config, config);
    assertEquals([...(control.transformer as unknown as AdaptableModel).layerShapes], shapes);
  });

  it("changes both text encoders, whoever names them", async () => {
    const layers = [
      ["textEncoder", "encoder.layers.0.self_attn.q_proj"],
      ["textEncoder2", "encoder.block.0.layer.0.SelfAttention.q"],
    ] as const;
    const changes = layers.map(([role, layer]) => {
      const [rows, columns] = shapeOf(role, layer);
      const wave = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i));
      return {
        layer,
        down: Tensor.from(wave(2 * columns!), [2, columns!]),
        up: Tensor.from(wave(2 * rows!), [rows!, 2]),
      };
    });
    const styles: (readonly [string, string, string, string])[] = [
      ["text_encoder.text_model.", "text_encoder_2.", ".lora_A", ".lora_B"],
      ["text_encoders.clip_l.transformer.text_model.", "text_encoders.t5xxl.transformer.", "", ""],
      ["lora_te1_text_model_", "lora_te3_", "_", ""],
    ];
    const base = (await draw()).data;
    const drawn: Uint8Array[] = [];
    for (const [clip, t5, down, up] of styles) {
      const entries = changes.flatMap(({ layer, ...change }, i) => {
        const flat = down === "_" ? layer.replaceAll(".", "_") : layer;
        const name = `${[clip, t5][i]}${flat}`;
        return [
          [`${name}${down === ".lora_A" ? down : ".lora_down"}.weight`, change.down],
          [`${name}${up === "" ? ".lora_up" : up}.weight`, change.up],
        ];
      });
      await pipe.loadLoraWeights(await written(Object.fromEntries(entries)));
      drawn.push((await draw()).data);
      await pipe.unloadLoraWeights();
    }
    assert(drawn[0]!.some((x, i) => x !== base[i]), "nothing changed");
    assertEquals(drawn[1], drawn[0]);
    assertEquals(drawn[2], drawn[0]);
  });

  it("refuses a LoRA of another family, and one that replaces what is not there", async () => {
    const refused = async (file: string, said: string, on: object = pipe) => {
      const error = await assertRejects(
        () => (on as typeof pipe).loadLoraWeights(file),
        DenoiseError,
        said,
      );
      assertEquals(error.code, "unexpected_tensor");
    };
    await refused(`${FOLDER}kohya.safetensors`, "is it of another model?");
    const sd = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"));
    await refused(`${FOLDER}flux-kohya.safetensors`, "is it of another model?", sd);
    await sd.dispose();
    const block = "double_blocks.0.img_attn";
    await refused(
      await written({ [`${block}.norm.key_norm.scale`]: Tensor.ones([16]) }),
      "no changes of layers",
    );
    const change = {
      [`${block}.proj.lora_A.weight`]: Tensor.ones([1, 32]),
      [`${block}.proj.lora_B.weight`]: Tensor.ones([32, 1]),
    };
    for (
      const [norm, size] of [[block, 8], ["double_blocks.9.img_attn", 16]] as const
    ) {
      const key = `${norm}.norm.key_norm.scale`;
      const file = await written({ ...change, [key]: Tensor.ones([size]) });
      await assertRejects(() => pipe.loadLoraWeights(file), RangeError, "where the model has");
    }
    assert(await distance(await draw(), "flux base") <= 1, "nothing has changed");
  });
});

function shapeOf(role: "textEncoder" | "textEncoder2", layer: string): readonly number[] {
  const { layerShapes } = pipe[role] as unknown as {
    readonly layerShapes: ReadonlyMap<string, readonly number[]>;
  };
  return layerShapes.get(layer)!;
}
