/**
 * What pipelines say to T2I-Adapters, images and options that cannot be, and several adapters on disk.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { AnyPipeline } from "@denoise/loading";
import { Tensor } from "@denoise/core";
import { MultiControlNet } from "@denoise/roles";
import { T2IAdapter } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { assertSaved, grey, type Refusal, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

async function load(xl: boolean, ...names: string[]): Promise<AnyPipeline> {
  const nets = await Promise.all(
    names.map((name) => T2IAdapter.fromPretrained(fixture(`models/T2IAdapter/${name}`))),
  );
  const adapter = nets.length === 1 ? nets[0] : nets;
  return await loadTask({
    pipeline: `StableDiffusion${xl ? "XL" : ""}AdapterPipeline`,
    repo: `tiny-stable-diffusion${xl ? "-xl" : ""}`,
  }, { adapter });
}

function refusesWith(xl: boolean, nets: string[], good: object, all: readonly Refusal[]): void {
  const who = `${xl ? "XL" : "1"} with T2I-Adapter ${nets.join(" and ")}`;
  refuses(who, () => load(xl, ...nets), good, all);
}

refusesWith(false, ["full"], { image: grey(32, 32) }, [
  ["no image", { image: undefined }, TypeError, "without image: give an image"],
  ["an empty list", { image: [] }, RangeError, "the list is empty"],
  ["more images than prompts", { image: [grey(32, 32), grey(32, 32)] }, RangeError, "2 images"],
  ["more scales than adapters", { adapterConditioningScale: [1, 2] }, RangeError, "[1,2]"],
  ["a size that latents cannot have", { height: 30, width: 32 }, RangeError, "divisible by"],
  [
    "a part of the steps",
    { adapterConditioningFactor: 0.5 },
    TypeError,
    "adapterConditioningFactor",
  ],
]);
refusesWith(false, ["full", "light"], { image: [grey(32, 32), grey(32, 32)] }, [
  ["one image for both", { image: grey(32, 32) }, TypeError, "a list of 2 images"],
  ["three scales", { adapterConditioningScale: [1, 2, 3] }, RangeError, "a list of 2"],
  [
    "images of two sizes",
    { image: [grey(32, 32), grey(64, 32)] },
    RangeError,
    "images of one size",
  ],
]);
refusesWith(true, ["xl"], { image: grey(32, 32) }, [
  ["a part above 1", { adapterConditioningFactor: 1.5 }, RangeError, "adapterConditioningFactor"],
  ["sides that are no squares of pixels", { height: 36, width: 32 }, RangeError, "multiples of 8"],
]);

describe("T2IAdapter", () => {
  it("says what sides it takes and by how much it makes them smaller", async () => {
    const adapter = await T2IAdapter.fromPretrained(fixture("models/T2IAdapter/light"));
    assertEquals(adapter.totalDownscaleFactor, 16);
    await assertRejects(
      () => adapter.forward(Tensor.zeros([1, 3, 30, 32])),
      RangeError,
      "32x30: both sides must be multiples of 4",
    );
    await adapter.dispose();
  });

  it("lies in folders beside others and loads again", async () => {
    const pipe = await load(false, "full", "light");
    assert(pipe.components["adapter"] instanceof MultiControlNet);
    const image = [grey(32, 32), grey(32, 32)];
    await assertSaved(pipe, { image }, { adapter: "MultiAdapter" });
  });
});
