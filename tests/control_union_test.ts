/**
 * What pipelines with ControlNets for images of several kinds say to kinds, images and options that cannot be.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import type { AnyPipeline } from "@denoise/loading";
import { ControlNetUnionModel } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { assertSaved, grey, type Refusal, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

async function load(...names: string[]): Promise<AnyPipeline> {
  const nets = await Promise.all(
    names.map((name) =>
      ControlNetUnionModel.fromPretrained(fixture(`models/ControlNetUnionModel/${name}`))
    ),
  );
  return await loadTask({
    pipeline: "StableDiffusionXLControlNetUnionPipeline",
    repo: "tiny-stable-diffusion-xl",
  }, { controlnet: nets.length === 1 ? nets[0] : nets });
}

function refusesWith(nets: string[], good: object, all: readonly Refusal[]): void {
  const who = `StableDiffusionXLControlNetUnionPipeline with ${nets.join(" and ")}`;
  refuses(who, () => load(...nets), good, all);
}

refusesWith(["union"], { controlImage: grey(32, 32), controlMode: 1 }, [
  ["no kind", { controlMode: undefined }, TypeError, "controlMode"],
  ["a kind that it does not know", { controlMode: 4 }, RangeError, "are 0 to 3"],
  ["no image", { controlImage: undefined }, TypeError, "controlImage"],
  [
    "more images than prompts",
    { controlImage: [grey(32, 32), grey(32, 32)] },
    RangeError,
    "2 images",
  ],
  ["one image for two kinds", { controlMode: [0, 1] }, RangeError, "2 kinds with 1 images"],
  ["more scales than kinds", { controlnetConditioningScale: [1, 2] }, RangeError, "[1,2]"],
  ["a size that latents cannot have", { height: 30, width: 32 }, RangeError, "divisible by"],
]);
refusesWith(["union", "deep"], {
  controlImage: [grey(32, 32), grey(32, 32)],
  controlMode: [0, 1],
}, [
  ["one kind for two ControlNets", { controlMode: 1 }, RangeError, "give a kind for each"],
  ["a kind that the second does not know", { controlMode: [0, 3] }, RangeError, "are 0 to 2"],
]);

describe("StableDiffusionXLControlNetUnionPipeline", () => {
  it("lies in a folder with several ControlNets and loads again", async () => {
    await assertSaved(
      await load("union", "deep"),
      { controlImage: [grey(32, 32), grey(32, 32)], controlMode: [0, 1] },
      { controlnet: "MultiControlNetUnionModel" },
    );
  });
});
