/**
 * unCLIP: what its pipelines refuse, and that images do not depend on those beside them. What they make is held
 * against diffusers by tasks_test.ts.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { randn, Tensor } from "@denoise/core";
import {
  UnCLIPImageVariationPipeline,
  UnCLIPPipeline,
  UnCLIPTextProjModel,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { assertSaved, grey, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const WEIGHTS = "diffusion_pytorch_model.safetensors";
const REPO = fixture("tiny-unclip");
const FEW = {
  priorNumInferenceSteps: 2,
  decoderNumInferenceSteps: 2,
  superResNumInferenceSteps: 2,
};
const NONE = { numInferenceSteps: undefined };
const load = () => loadTask({ pipeline: "UnCLIPPipeline", repo: "tiny-unclip" });

refuses("UnCLIPPipeline", load, { ...FEW, ...NONE }, [
  [
    "numInferenceSteps, of which it has three",
    { numInferenceSteps: 5 },
    TypeError,
    "numInferenceSteps",
  ],
  [
    "a single step",
    { decoderNumInferenceSteps: 1 },
    RangeError,
    "an integer of steps from 2 to 1000",
  ],
  ["a negative prompt", { negativePrompt: "blurry" }, TypeError, "negativePrompt"],
  ["a size", { width: 64 }, TypeError, "width"],
  ["vectors of another shape", { priorLatents: randn([1, 19]) }, TypeError, "[1, 20]"],
  [
    "small images of another shape",
    { decoderLatents: randn([2, 3, 8, 8]) },
    TypeError,
    "[1, 3, 8, 8]",
  ],
  [
    "large images of another shape",
    { superResLatents: randn([1, 3, 8, 8]) },
    TypeError,
    "[1, 3, 20, 20]",
  ],
  ["a mask without texts", { textAttentionMask: randn([1, 77]) }, TypeError, "go together"],
]);

describe("UnCLIPPipeline", () => {
  it("follows what a text encoder made of a text as it follows the text", async () => {
    const pipe = await UnCLIPPipeline.fromPretrained(REPO);
    const { inputIds, attentionMask } = pipe.tokenizer.encode("a cat", {
      padding: "max_length",
      maxLength: 77,
    });
    const textModelOutput = await pipe.textEncoder.forward(inputIds) as {
      readonly textEmbeds: Tensor;
      readonly lastHiddenState: Tensor;
    };
    const call = { ...FEW, seed: 3 };
    const said = await pipe("a cat", call);
    const given = await pipe(undefined, {
      ...call,
      textModelOutput,
      textAttentionMask: attentionMask,
    });
    assertEquals(given.images[0]!.data, said.images[0]!.data);
    await assertRejects(() => pipe(undefined, call), TypeError, "either prompt or textModelOutput");
    await pipe.dispose();
  });

  it("makes an image that does not depend on those beside it, and differs by its prompt", async () => {
    const pipe = await UnCLIPPipeline.fromPretrained(REPO);
    const both = await pipe(["a cat", "a red apple"], { ...FEW, seed: 5 });
    const alone = await pipe("a red apple", { ...FEW, seed: 6 });
    const apart = both.images[1]!.data.reduce(
      (most, x, i) => Math.max(most, Math.abs(x - alone.images[0]!.data[i]!)),
      0,
    );
    assert(apart <= 1, `apart by ${apart}`); // sums in another order
    const other = await pipe("a cat", { ...FEW, seed: 6 });
    assert(other.images[0]!.data.some((x, i) => x !== alone.images[0]!.data[i]));
    await pipe.dispose();
  });

  it("lies in a folder and loads again", async () => {
    await assertSaved(await load(), { ...FEW, ...NONE }, { decoder: "UNet2DConditionModel" });
  });
});

describe("UnCLIPImageVariationPipeline", () => {
  it("refuses both and neither of image and vector", async () => {
    const pipe = await UnCLIPImageVariationPipeline.fromPretrained(
      fixture("tiny-unclip-variation"),
    );
    const said = "give either image or imageEmbeddings";
    await assertRejects(() => pipe({}), TypeError, said);
    const both = { image: grey(20, 20), imageEmbeddings: randn([1, 20]) };
    await assertRejects(() => pipe(both), TypeError, said);
    await pipe.dispose();
  });
});

refuses(
  "StableUnCLIPPipeline",
  () =>
    loadTask({
      pipeline: "StableUnCLIPPipeline",
      repo: "tiny-stable-unclip-text",
    }),
  { priorNumInferenceSteps: 2 },
  [
    ["more noise than there is", { noiseLevel: 1000 }, RangeError, "an integer from 0 to 999"],
    ["states of a prompt", { promptEmbeds: randn([1, 77, 32]) }, TypeError, "promptEmbeds"],
    ["a syntax of weights", { promptSyntax: "compel" }, TypeError, "promptSyntax"],
    ["vectors of another shape", { priorLatents: randn([1, 9]) }, TypeError, "[1, 8]"],
    ["an image", { image: grey(20, 20) }, TypeError, "image"],
  ],
);

describe("UnCLIPTextProjModel", () => {
  it("refuses a config that does not say how wide the decoder is", async () => {
    const from = fixture("models/UnCLIPTextProjModel/tiny");
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const { time_embed_dim: _, ...config } = JSON.parse(
      await Deno.readTextFile(`${from}/config.json`),
    );
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
    await Deno.copyFile(`${from}/${WEIGHTS}`, `${folder}/${WEIGHTS}`);
    await assertRejects(
      () => UnCLIPTextProjModel.fromPretrained(folder),
      Error,
      "Cannot build UnCLIPTextProjModel without time_embed_dim",
    );
    await Deno.remove(folder, { recursive: true });
  });
});
