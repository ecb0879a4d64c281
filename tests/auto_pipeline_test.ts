/**
 * AutoPipelineFor...: the pipeline for a task, by the models of a repo.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { classForTask } from "@denoise/loading";
import {
  AutoPipelineForImage2Image,
  AutoPipelineForInpainting,
  AutoPipelineForText2Image,
  DenoiseImage,
  EulerDiscreteScheduler,
  StableDiffusionImg2ImgPipeline,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const QUIET = { onWarning: () => {} };
const CASES = [
  ["tiny-stable-diffusion", "StableDiffusion", "Pipeline", "Img2ImgPipeline", "InpaintPipeline"],
  [
    "tiny-stable-diffusion-xl",
    "StableDiffusionXL",
    "Pipeline",
    "Img2ImgPipeline",
    "InpaintPipeline",
  ],
  [
    "tiny-sd3",
    "StableDiffusion3",
    "Pipeline",
    "Img2ImgPipeline",
    "InpaintPipeline",
  ],
  ["tiny-z-image", "ZImage", "Pipeline", "Img2ImgPipeline", "InpaintPipeline"],
  ["tiny-qwen-image", "QwenImage", "Pipeline", "Img2ImgPipeline", "InpaintPipeline"],
  // one class for both
  ["tiny-flux2-klein", "Flux2", "KleinPipeline", "KleinPipeline", "KleinInpaintPipeline"],
  ["tiny-flux2-dev", "Flux2", "Pipeline", "Pipeline", undefined],
  ["tiny-ovis-image", "OvisImage", "Pipeline", undefined, undefined],
  ["tiny-longcat-image", "LongCatImage", "Pipeline", undefined, undefined],
  ["tiny-longcat-image-edit", "LongCatImage", undefined, "EditPipeline", undefined],
  ["tiny-anima", "Anima", "ModularPipeline", "ModularPipeline", undefined],
  ["tiny-flux3", "Flux3", "ModularPipeline", "ModularPipeline", undefined],
  ["tiny-flux3-distilled", "Flux3Distilled", "ModularPipeline", "ModularPipeline", undefined],
  ["tiny-lcm", "LatentConsistencyModel", "Pipeline", "Img2ImgPipeline", undefined],
  ["tiny-kolors", "Kolors", "Pipeline", "Img2ImgPipeline", undefined],
] as const;
const TASKS = [
  AutoPipelineForText2Image,
  AutoPipelineForImage2Image,
  AutoPipelineForInpainting,
] as const;

for (const [repo, name, ...endings] of CASES) {
  describe(`${repo} is loaded by`, () => {
    for (const [i, auto] of TASKS.entries()) {
      const ending = endings[i];
      if (ending === undefined) continue;
      it(`the loader for ${auto.task} as ${name}${ending}`, async () => {
        const pipe = await auto.fromPretrained(fixture(repo), QUIET);
        assertEquals(pipe.className, `${name}${ending}`);
        await pipe.dispose();
      });
    }
  });
}

describe("fromPipe()", () => {
  it("shares the components, and the images are those of the class itself", async () => {
    const folder = fixture("tiny-stable-diffusion");
    const text = await AutoPipelineForText2Image.fromPretrained(folder, QUIET);
    const image2Image = await AutoPipelineForImage2Image.fromPipe(text);
    const inpainting = await AutoPipelineForInpainting.fromPipe(image2Image);
    for (const pipe of [image2Image, inpainting]) {
      assertStrictEquals(pipe.components.unet, text.components.unet);
      assertStrictEquals(pipe.components.vae, text.components.vae);
      assertEquals(pipe.nameOrPath, text.nameOrPath);
    }
    const plain = await StableDiffusionImg2ImgPipeline.fromPretrained(folder, QUIET);
    const data = new Uint8Array(32 * 32 * 3).map((_, i) => i % 251);
    const options = { image: new DenoiseImage(32, 32, 3, data), numInferenceSteps: 4, seed: 1 };
    const [auto, direct] = await Promise.all([
      image2Image("a red apple", options),
      plain("a red apple", options),
    ]);
    assertEquals(auto.images[0]!.data, direct.images[0]!.data);
    assertEquals((await AutoPipelineForText2Image.fromPipe(inpainting)).className, text.className);
    await Promise.all([text.dispose(), plain.dispose()]);
  });

  it("takes other components, and settings along", async () => {
    const folder = fixture("tiny-stable-diffusion-xl-refiner");
    const refiner = await AutoPipelineForImage2Image.fromPretrained(folder, QUIET);
    const scheduler = new EulerDiscreteScheduler();
    const inpainting = await AutoPipelineForInpainting.fromPipe(refiner, { scheduler });
    assertStrictEquals(inpainting.scheduler, scheduler);
    assertEquals((inpainting.config as Record<string, unknown>).requires_aesthetics_score, true);
    await refiner.dispose();
  });

  it("of a class gives that class", async () => {
    const folder = fixture("tiny-stable-diffusion");
    const text = await AutoPipelineForText2Image.fromPretrained(folder, QUIET);
    const pipe = StableDiffusionImg2ImgPipeline.fromPipe(text);
    assertEquals(pipe.className, "StableDiffusionImg2ImgPipeline");
    assertStrictEquals(pipe.unet as unknown, text.components.unet);
    await text.dispose();
  });
});

describe("a pipeline for which there is none of a task", () => {
  it("is refused with what there is", async () => {
    const error = await assertRejects(
      () => AutoPipelineForImage2Image.fromPretrained(fixture("tiny-ddpm")),
      DenoiseError,
      "pipeline for image-to-image with the components of DDPMPipeline",
    );
    assertEquals(error.code, "unknown_class");
    await assertRejects(
      () => AutoPipelineForInpainting.fromPretrained(fixture("tiny-lcm"), QUIET),
      DenoiseError,
      "for inpainting with the components of LatentConsistencyModelPipeline",
    );
  });
});

describe("classForTask()", () => {
  it("takes the class with ControlNet, or the one without, as asked", () => {
    const [plain, controlled] = ["StableDiffusionPipeline", "StableDiffusionControlNetPipeline"];
    assertEquals(classForTask(plain, "text-to-image", registry, { controlnet: true }), controlled);
    assertEquals(classForTask(controlled, "text-to-image", registry, { controlnet: false }), plain);
    assertEquals(
      classForTask(controlled, "text-to-image", registry, { controlnet: true }),
      controlled,
    );
    assertEquals(
      classForTask(controlled, "inpainting", registry),
      "StableDiffusionControlNetInpaintPipeline",
    );
    assertEquals(
      classForTask("StableDiffusionXLImg2ImgPipeline", "image-to-image", registry, {
        controlnet: true,
      }),
      "StableDiffusionXLControlNetImg2ImgPipeline",
    );
    assertThrows(
      () =>
        classForTask("LatentConsistencyModelPipeline", "text-to-image", registry, {
          controlnet: true,
        }),
      DenoiseError,
      "there is no text-to-image with ControlNets for latent-consistency-model",
    );
  });

  it("takes the class with perturbed attention guidance, or the one without, as asked", () => {
    const [plain, perturbed] = ["StableDiffusionPipeline", "StableDiffusionPAGPipeline"];
    const text = "text-to-image";
    assertEquals(classForTask(plain, text, registry), plain);
    assertEquals(classForTask(plain, text, registry, { enablePag: true }), perturbed);
    assertEquals(classForTask(perturbed, text, registry), perturbed);
    assertEquals(classForTask(perturbed, text, registry, { enablePag: false }), plain);
    assertEquals(
      classForTask(perturbed, "inpainting", registry, { controlnet: true }),
      "StableDiffusionControlNetPAGInpaintPipeline",
    );
    assertThrows(
      () => classForTask("FluxPipeline", text, registry, { enablePag: true }),
      DenoiseError,
      "perturbed attention guidance and the components of FluxPipeline: there is none for flux",
    );
  });
});

describe("a pipeline with enablePag", () => {
  it("is the one with perturbed attention guidance, whose layers have to be the UNet's", async () => {
    const pipe = await AutoPipelineForText2Image.fromPretrained(fixture("tiny-stable-diffusion"), {
      ...QUIET,
      enablePag: true,
    });
    assertEquals(pipe.className, "StableDiffusionPAGPipeline");
    const call = { numInferenceSteps: 1, seed: 0 };
    await assertRejects(
      () => pipe("a", { ...call, pagAppliedLayers: ["mid", "blocks.9"] }),
      RangeError,
      'Cannot perturb the layer "blocks.9" of UNet2DConditionModel: none of its self-attentions has ' +
        "such a name; they are down_blocks.0.attentions.0.transformer_blocks.0.attn1, ",
    );
    const { images } = await pipe("a", { ...call, pagScale: 2 });
    assertEquals(images.length, 1);
    const plain = await AutoPipelineForText2Image.fromPipe(pipe, { enablePag: false });
    assertEquals(plain.className, "StableDiffusionPipeline");
    await pipe.dispose();
  });
});
