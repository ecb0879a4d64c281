/**
 * What pipelines say to ControlNets, images and options that cannot be, and several ControlNets
 * on disk.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { AnyPipeline } from "@denoise/loading";
import { type ControlNet, MultiControlNet } from "@denoise/roles";
import { ControlNetModel, DenoiseImage, StableDiffusionControlNetPipeline } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { loadTask } from "./support/tasks.ts";

const PROMPT = "a red apple";
const FEW = { numInferenceSteps: 2, seed: 1 };
const REPO = "tiny-stable-diffusion";

function grey(width: number, height: number): DenoiseImage {
  return new DenoiseImage(width, height, 3, new Uint8Array(width * height * 3).fill(128));
}

function net(name: string): Promise<ControlNet> {
  const folder = name.startsWith("xl") ? "parts" : "models";
  return ControlNetModel.fromPretrained(fixture(`${folder}/ControlNetModel/${name}`));
}

async function load(pipeline: string, ...names: string[]): Promise<AnyPipeline> {
  const nets = await Promise.all(names.map(net));
  const controlnet = nets.length === 1 ? nets[0] : nets;
  const repo = pipeline.includes("XL") ? "tiny-stable-diffusion-xl" : REPO;
  return await loadTask({ pipeline, repo, parts: {}, cases: [] }, { controlnet });
}

type Refusal = readonly [
  name: string,
  options: Record<string, unknown>,
  error: typeof TypeError | typeof RangeError,
  said: string,
];

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

function refuses(pipeline: string, nets: string[], good: object, all: readonly Refusal[]): void {
  describe(`${pipeline} with ${nets.join(" and ")} refuses`, () => {
    let pipe: AnyPipeline;
    beforeAll(async () => {
      pipe = await load(pipeline, ...nets);
    });
    afterAll(() => pipe.dispose());
    for (const [name, options, error, said] of all) {
      it(name, async () => {
        await assertRejects(
          () => pipe(PROMPT, { ...FEW, ...good, ...options }),
          error as unknown as new (message?: string) => Error,
          said,
        );
      });
    }
  });
}

refuses("StableDiffusionControlNetPipeline", ["sd1"], { image: grey(32, 32) }, [
  ...SHARED,
  ["no image", { image: undefined }, TypeError, "without image: give an image"],
  ["an empty list", { image: [] }, RangeError, "the list is empty"],
  ["more images than prompts", { image: [grey(32, 32), grey(32, 32)] }, RangeError, "2 images"],
  ["a size that latents cannot have", { height: 30, width: 32 }, RangeError, "divisible by"],
]);
refuses("StableDiffusionControlNetPipeline", ["sd1", "bgr"], {
  image: [grey(32, 32), grey(32, 32)],
}, [
  ...SHARED,
  ["one image for both", { image: grey(32, 32) }, TypeError, "a list of 2 images"],
  ["three images", { image: Array(3).fill(grey(32, 32)) }, RangeError, "with 3 images"],
]);
refuses("StableDiffusionControlNetPipeline", ["wide"], { image: grey(32, 32) }, [
  ["a ControlNet of another width", {}, RangeError, "block_out_channels is [4, 8, 8]"],
]);
refuses("StableDiffusionControlNetImg2ImgPipeline", ["sd1"], {
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
refuses("StableDiffusionControlNetInpaintPipeline", ["sd1"], {
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
refuses("StableDiffusionXLControlNetPipeline", ["xl"], { image: grey(32, 32) }, [
  ...SHARED,
  ["no image", { image: undefined }, TypeError, "without image: give an image"],
  ["a size that latents cannot have", { height: 30, width: 32 }, RangeError, "divisible by"],
  ["an end outside the noise", { denoisingEnd: 1 }, RangeError, "denoisingEnd 1"],
]);
refuses("StableDiffusionXLControlNetImg2ImgPipeline", ["xl"], {
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
refuses("StableDiffusionXLControlNetInpaintPipeline", ["xl"], {
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
refuses("StableDiffusionXLControlNetPipeline", ["sd1"], { image: grey(32, 32) }, [
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
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const pipe = await load("StableDiffusionControlNetPipeline", "sd1", "bgr");
    const call = { ...FEW, image: [grey(32, 32), grey(24, 24)], height: 32, width: 32 };
    const { images: [before] } = await pipe(PROMPT, call);
    await pipe.savePretrained(folder);
    const index = JSON.parse(await Deno.readTextFile(`${folder}/model_index.json`));
    assertEquals(index["controlnet"], ["diffusers", "MultiControlNetModel"]);
    const again = await StableDiffusionControlNetPipeline.fromPretrained(folder);
    const { images: [after] } = await again(PROMPT, call);
    assertEquals(after!.data, before!.data);
    await Promise.all([pipe.dispose(), again.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });
});
