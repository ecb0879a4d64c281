/**
 * Models on WebGPU, by a Vulkan driver in software: SwiftShader, which comes with Chromium. It is taken where
 * `VK_DRIVER_FILES` names its file, as .ci/run does; a card's driver does as well.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import type { Model, ModelClass } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { assertWithin, fixture, readGolden } from "./support/golden.ts";
import { compareCall, type ModelGolden } from "./support/models.ts";

const ignore = !Deno.env.has("VK_DRIVER_FILES");

/** A model for each kind of operator, and which of its calls; the first by default. */
const MODELS: readonly (readonly [id: string, what: string, call?: string])[] = [
  ["UNet2DConditionModel/sd1", "convolutions, group norms, attention, GEGLU"],
  ["UNet2DConditionModel/sdxl", "linear projections, added embeddings"],
  ["UNet2DModel/ddpm", "attention between pixels"],
  ["AutoencoderKL/sd1", "attention of one head, enlarging", "decode 1"],
  ["AutoencoderTiny/taesd", "ReLU, tanh", "decode"],
  ["CLIPTextModel/sd1", "embeddings, causal attention, QuickGelu"],
  ["CLIPTextModelWithProjection/sdxl", "gathering, GELU"],
  ["T5EncoderModel/gated_gelu", "RMS norms, position biases"],
  ["UNet2DConditionModel/inpaint", "convolutions of nine channels"],
  ["ControlNetModel/sd1", "convolutions of the image, of six channels"],
  ["UNet1DModel/attention", "convolutions along one axis, of eighteen channels"],
  ["AutoencoderTiny/bilinear", "bilinear enlarging, convolutions of six channels", "decode"],
  ["VQModel/lookup", "the nearest of a table, convolutions of six channels", "forward"],
  ["ChromaTransformer2DModel/chroma", "values that are cut into many parts"],
  ["FluxTransformer2DModel/dev", "rotary positions, joint attention, modulation"],
];

/** The most that one may be off: sums of another order in float32, and sines of SwiftShader's. */
const LIMIT = 1e-3;

describe("WebGPU equals the reference", { ignore }, () => {
  for (const [id, what, name] of MODELS) {
    it(`${id}: ${what}`, async () => {
      const golden: ModelGolden = await readGolden(`models/${id}`);
      const Class = await registry.get(id.split("/")[0]!, "model", "a test") as ModelClass;
      const options = { device: "webgpu", engine: "inline" } as const;
      const model: Model = await Class.fromPretrained(fixture(`models/${id}`), options);
      const calls = golden.head.cases.filter(({ dtype }) => dtype === undefined);
      const call = name === undefined ? calls[0] : calls.find((one) => one.name === name);
      for (const [output, far] of Object.entries(await compareCall(model, call!, golden))) {
        assertWithin(far, LIMIT, `${call!.name}: ${output}`);
      }
      await model.dispose();
    });
  }
});
