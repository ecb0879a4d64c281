/**
 * What pipelines say to ControlNets, images and options that cannot be, and several ControlNets
 * on disk.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { AnyPipeline } from "@denoise/loading";
import { type ControlNet, MultiControlNet } from "@denoise/roles";
import { ControlNetModel } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { assertSaved, grey, type Refusal, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const REPO = "tiny-stable-diffusion";

function net(name: string): Promise<ControlNet> {
  const folder = name.startsWith("xl") ? "parts" : "models";
  return ControlNetModel.fromPretrained(fixture(`${folder}/ControlNetModel/${name}`));
}

async function load(pipeline: string, ...names: string[]): Promise<AnyPipeline> {
  const nets = await Promise.all(names.map(net));
  const controlnet = nets.length === 1 ? nets[0] : nets;
  const repo = pipeline.includes("XL") ? "tiny-stable-diffusion-xl" : REPO;
  return await loadTask({ pipeline, repo }, { controlnet });
}

const SHARED: readonly Refusal[] = [
  [
    "a range that ends before it starts",
    {
      controlGuidanceStart: 0.6,
      controlGuidanceEnd: 0.5,
    },
    RangeError,
    "controlGuidanceStart 0.6 to controlGuidanceEnd 0.5",
  ],
  ["a range that ends after the run", { controlGuidanceEnd: 1.2 }, RangeError, "at most 1"],
  ["a range that starts before the run", { controlGuidanceStart: -1 }, RangeError, "0 or more"],
  [
    "more scales than ControlNets",
    { controlnetConditioningScale: [1, 2, 3] },
    RangeError,
    "[1,2,3]",
  ],
  ["a scale that is no number", { controlnetConditioningScale: NaN }, RangeError, "a list of"],
];

function refusesWith(
  pipeline: string,
  nets: string[],
  good: object,
  all: readonly Refusal[],
): void {
  refuses(`${pipeline} with ${nets.join(" and ")}`, () => load(pipeline, ...nets), good, all);
}

refusesWith("StableDiffusionControlNetPipeline", ["sd1"], { image: grey(32, 32) }, [
  ...SHARED,
  ["no image", { image: undefined }, TypeError, "without image: give an image"],
  ["an empty list", { image: [] }, RangeError, "the list is empty"],
  ["more images than prompts", { image: [grey(32, 32), grey(32, 32)] }, RangeError, "2 images"],
  ["a size that latents cannot have", { height: 30, width: 32 }, RangeError, "divisible by"],
]);
refusesWith("StableDiffusionControlNetPipeline", ["sd1", "bgr"], {
  image: [grey(32, 32), grey(32, 32)],
}, [
  ...SHARED,
  ["one image for both", { image: grey(32, 32) }, TypeError, "a list of 2 images"],
  ["three images", { image: Array(3).fill(grey(32, 32)) }, RangeError, "with 3 images"],
]);
refusesWith("StableDiffusionControlNetPipeline", ["wide"], { image: grey(32, 32) }, [
  ["a ControlNet of another width", {}, RangeError, "block_out_channels is [4, 8, 8]"],
]);
refusesWith("StableDiffusionControlNetImg2ImgPipeline", ["sd1"], {
  image: grey(32, 32),
  controlImage: grey(32, 32),
}, [
  ...SHARED,
  [
    "no control image",
    { controlImage: undefined },
    TypeError,
    "without controlImage: give an image",
  ],
  ["no image", { image: undefined }, TypeError, ""],
  ["a strength above 1", { strength: 2 }, RangeError, "strength 2"],
]);
refusesWith("StableDiffusionControlNetInpaintPipeline", ["sd1"], {
  image: grey(32, 32),
  maskImage: grey(32, 32),
  controlImage: grey(32, 32),
}, [
  ...SHARED,
  [
    "no control image",
    { controlImage: undefined },
    TypeError,
    "without controlImage: give an image",
  ],
  ["no mask", { maskImage: undefined }, TypeError, "without maskImage"],
]);
refusesWith("StableDiffusionXLControlNetPipeline", ["xl"], { image: grey(32, 32) }, [
  ...SHARED,
  ["no image", { image: undefined }, TypeError, "without image: give an image"],
  ["a size that latents cannot have", { height: 30, width: 32 }, RangeError, "divisible by"],
  ["an end outside the noise", { denoisingEnd: 1 }, RangeError, "denoisingEnd 1"],
]);
refusesWith("StableDiffusionXLControlNetImg2ImgPipeline", ["xl"], {
  image: grey(32, 32),
  controlImage: grey(32, 32),
}, [
  ...SHARED,
  [
    "no control image",
    { controlImage: undefined },
    TypeError,
    "without controlImage: give an image",
  ],
  ["a strength above 1", { strength: 2 }, RangeError, "strength 2"],
]);
refusesWith("StableDiffusionXLControlNetInpaintPipeline", ["xl"], {
  image: grey(32, 32),
  maskImage: grey(32, 32),
  controlImage: grey(32, 32),
}, [
  ...SHARED,
  [
    "no control image",
    { controlImage: undefined },
    TypeError,
    "without controlImage: give an image",
  ],
  ["no mask", { maskImage: undefined }, TypeError, "without maskImage"],
  ["a start after the end", { denoisingStart: 0.8, denoisingEnd: 0.5 }, RangeError, "0.8"],
]);
refusesWith("StableDiffusionXLControlNetPipeline", ["sd1"], { image: grey(32, 32) }, [
  ["a ControlNet of Stable Diffusion 1", {}, RangeError, "cross_attention_dim is [32]"],
]);

describe("MultiControlNet", () => {
  it("is made of a list, also later", async () => {
    const pipe = await load("StableDiffusionControlNetPipeline", "sd1");
    const [one, two] = await Promise.all([net("sd1"), net("bgr")]);
    Object.assign(pipe, { controlnet: [one, two] });
    assert(pipe.components["controlnet"] instanceof MultiControlNet);
    assertEquals((pipe.components["controlnet"] as MultiControlNet).nets, [one, two]);
    await pipe.dispose();
  });

  it("refuses an empty list", () => {
    assertThrows(() => new MultiControlNet([]), RangeError, "at least one");
  });

  it("lies in folders beside each other and loads again", async () => {
    await assertSaved(
      await load("StableDiffusionControlNetPipeline", "sd1", "bgr"),
      { image: [grey(32, 32), grey(24, 24)], height: 32, width: 32 },
      { controlnet: "MultiControlNetModel" },
    );
  });
});
