/**
 * What pipelines with ControlNets for images of several kinds say to kinds, images and options that cannot be.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import type { AnyPipeline } from "@denoise/loading";
import {
  ControlNetUnionModel,
  DenoiseImage,
  StableDiffusionXLControlNetUnionPipeline,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { loadTask } from "./support/tasks.ts";

const PROMPT = "a red apple";
const FEW = { numInferenceSteps: 2, seed: 1 };

function grey(width: number, height: number): DenoiseImage {
  return new DenoiseImage(width, height, 3, new Uint8Array(width * height * 3).fill(128));
}

async function load(...names: string[]): Promise<AnyPipeline> {
  const nets = await Promise.all(
    names.map((name) =>
      ControlNetUnionModel.fromPretrained(fixture(`models/ControlNetUnionModel/${name}`))
    ),
  );
  return await loadTask({
    pipeline: "StableDiffusionXLControlNetUnionPipeline",
    repo: "tiny-stable-diffusion-xl",
    parts: {},
    cases: [],
  }, { controlnet: nets.length === 1 ? nets[0] : nets });
}

type Refusal = readonly [
  name: string,
  options: Record<string, unknown>,
  error: typeof TypeError | typeof RangeError,
  said: string,
];

function refuses(nets: string[], good: object, all: readonly Refusal[]): void {
  describe(`StableDiffusionXLControlNetUnionPipeline with ${nets.join(" and ")} refuses`, () => {
    let pipe: AnyPipeline;
    beforeAll(async () => {
      pipe = await load(...nets);
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

refuses(["union"], { controlImage: grey(32, 32), controlMode: 1 }, [
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
refuses(["union", "deep"], {
  controlImage: [grey(32, 32), grey(32, 32)],
  controlMode: [0, 1],
}, [
  ["one kind for two ControlNets", { controlMode: 1 }, RangeError, "give a kind for each"],
  ["a kind that the second does not know", { controlMode: [0, 3] }, RangeError, "are 0 to 2"],
]);

describe("StableDiffusionXLControlNetUnionPipeline", () => {
  it("lies in a folder with several ControlNets and loads again", async () => {
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const pipe = await load("union", "deep");
    const call = { ...FEW, controlImage: [grey(32, 32), grey(32, 32)], controlMode: [0, 1] };
    const { images: [before] } = await pipe(PROMPT, call);
    await pipe.savePretrained(folder);
    const index = JSON.parse(await Deno.readTextFile(`${folder}/model_index.json`));
    assertEquals(index["controlnet"], ["diffusers", "MultiControlNetUnionModel"]);
    const again = await StableDiffusionXLControlNetUnionPipeline.fromPretrained(folder);
    const { images: [after] } = await again(PROMPT, call);
    assertEquals(after!.data, before!.data);
    await Promise.all([pipe.dispose(), again.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });
});
