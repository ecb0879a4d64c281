/**
 * Stable Diffusion 3: what its pipelines refuse, and parts that are left out.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { DenoiseError, Tensor } from "@denoise/core";
import {
  DiffusionPipeline,
  SD3ControlNetModel,
  StableDiffusion3ControlNetInpaintingPipeline,
  StableDiffusion3ControlNetPipeline,
  StableDiffusion3InpaintPipeline,
  StableDiffusion3Pipeline,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const REPO = fixture("tiny-sd3");
const SHORT = { numInferenceSteps: 1, maxSequenceLength: 8, seed: 0 };
const load = (more = {}) =>
  StableDiffusion3Pipeline.fromPretrained(REPO, { onWarning: () => {}, ...more });

describe("StableDiffusion3Pipeline", () => {
  it("refuses sizes that are no whole number of tokens", async () => {
    await using pipe = await load();
    await assertRejects(() => pipe("a", { height: 36, ...SHORT }), RangeError, "divisible by 8");
  });

  it("refuses sizes beyond its table of positions", async () => {
    await using pipe = await load();
    await assertRejects(() => pipe("a", { height: 256, ...SHORT }), RangeError, "at most 32");
  });

  it("says which parts are missing where it has to read a prompt", async () => {
    await using pipe = await load({ textEncoder2: null, tokenizer2: null });
    const error = await assertRejects(() => pipe("a", SHORT), DenoiseError);
    assertEquals(error.code, "missing_component");
    const [embeds, pooled] = [Tensor.zeros([1, 9, 36]), Tensor.zeros([1, 24])];
    const { images } = await pipe(undefined, {
      ...{ promptEmbeds: embeds, pooledPromptEmbeds: pooled, guidanceScale: 1 },
      ...SHORT,
    });
    assertEquals(images.length, 1);
    await assertRejects(
      () => pipe(undefined, { promptEmbeds: embeds, ...SHORT }),
      TypeError,
      "give pooledPromptEmbeds",
    );
  });

  it("refuses layers that it does not have, and one that is no option", async () => {
    await using pipe = await load();
    const options = { ...SHORT, numInferenceSteps: 4, skipLayerGuidanceStop: 1 };
    await assertRejects(
      () => pipe("a", { skipGuidanceLayers: [3], ...options }),
      RangeError,
      "counted from 0 to 2",
    );
    await assertRejects(
      () => pipe("a", { skipGuidanceLayer: [1], ...SHORT } as object),
      TypeError,
      "skipGuidanceLayers",
    );
    await assertRejects(
      () => pipe("a", { maxSequenceLength: 513, seed: 0 }),
      RangeError,
      "maxSequenceLength",
    );
  });

  it("warns of layers to skip without guidance", async () => {
    const warnings: string[] = [];
    await using pipe = await load({ onWarning: (warning: string) => warnings.push(warning) });
    await pipe("a", { skipGuidanceLayers: [1], guidanceScale: 1, ...SHORT });
    assertEquals(warnings.filter((warning) => warning.startsWith("skipGuidanceLayers")).length, 1);
  });

  it("says where a prompt goes that is among the options", async () => {
    await using pipe = await load();
    await assertRejects(
      () => pipe({ prompt: "a" } as unknown as string),
      TypeError,
      'Cannot run StableDiffusion3Pipeline with options in the place of the prompt: give the prompt first, as in pipe("a cat", { seed: 0 })',
    );
  });

  it("gives latents and goes on from them", async () => {
    await using pipe = await load();
    const latents = Tensor.ones([1, 16, 4, 4]);
    const { tensor } = await pipe("a", {
      ...{ latents, outputType: "latent", height: 16, width: 16 },
      ...SHORT,
    });
    assertEquals(tensor!.dims, [1, 16, 4, 4]);
  });

  it("is loaded by the name in its repo, without T5 where the repo has none", async () => {
    await using pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-sd3-large"));
    assertEquals(pipe.className, "StableDiffusion3Pipeline");
    assertEquals(Object.entries(pipe.components).find(([role]) => role === "textEncoder3"), [
      "textEncoder3",
      null,
    ]);
  });
});

describe("StableDiffusion3InpaintPipeline", () => {
  it("asks for the mask", async () => {
    await using pipe = await StableDiffusion3InpaintPipeline.fromPretrained(REPO);
    const image = Tensor.zeros([1, 3, 32, 32]);
    await assertRejects(() => pipe("a", { image, ...SHORT } as never), TypeError, "maskImage");
  });
});

describe("StableDiffusion3ControlNetPipeline", () => {
  const net = (name: string) =>
    SD3ControlNetModel.fromPretrained(fixture(`models/SD3ControlNetModel/${name}`));
  const controlImage = Tensor.zeros([1, 3, 32, 32]);
  const call = { ...SHORT, height: 32, width: 32, controlImage };

  it("refuses ControlNets of other models and of other pipelines", async () => {
    const load = (controlnet: SD3ControlNetModel, repo = REPO) =>
      StableDiffusion3ControlNetPipeline.fromPretrained(repo, {
        ...{ controlnet, onWarning: () => {} },
      });
    await using masked = await load(await net("inpaint"));
    await assertRejects(() => masked("a", call), RangeError, "extra_conditioning_channels");
    await using other = await load(await net("sd3"), fixture("tiny-sd3-large"));
    await assertRejects(() => other("a", call), RangeError, "joint_attention_dim");
  });

  it("is saved and loaded with its ControlNet", async () => {
    await using pipe = await StableDiffusion3ControlNetPipeline.fromPretrained(REPO, {
      ...{ controlnet: await net("deep"), onWarning: () => {} },
    });
    const folder = await Deno.makeTempDir();
    await pipe.savePretrained(folder);
    await using again = await DiffusionPipeline.fromPretrained(folder, { onWarning: () => {} });
    const [first, second] = [await pipe("a", call), await again("a", call)];
    assertEquals(second.images[0]!.data, first.images[0]!.data);
    await Deno.remove(folder, { recursive: true });
  });

  it("needs an image, and where it inpaints a mask", async () => {
    await using pipe = await StableDiffusion3ControlNetInpaintingPipeline.fromPretrained(REPO, {
      ...{ controlnet: await net("inpaint"), onWarning: () => {} },
    });
    await assertRejects(() => pipe("a", call as never), TypeError, "controlMask");
    const { controlImage: _, ...rest } = call;
    await assertRejects(
      () => pipe("a", { ...rest, controlMask: controlImage } as never),
      TypeError,
      "controlImage",
    );
  });
});
