/**
 * Paint by Example: what it refuses, several images of a call, and repos that come back from a folder.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import {
  decodeImage,
  DiffusionPipeline,
  PaintByExampleImageEncoder,
  Tensor,
} from "@denoise/denoise";
import type { AnyPipeline } from "@denoise/loading";
import { openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import { runCli } from "../plugins/tools/cli/program.ts";
import { fixture } from "./support/golden.ts";
import { FEW, grey, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const TASK = {
  pipeline: "PaintByExamplePipeline",
  repo: "tiny-paint-by-example",
};
const load = () => loadTask(TASK);
const GOOD = { exampleImage: grey(20, 30), image: grey(32, 24), maskImage: grey(32, 24, 1) };
const call = (pipe: AnyPipeline, options: object) => pipe({ ...FEW, ...options });

refuses("PaintByExamplePipeline", load, GOOD, [
  ["a call without an example", { exampleImage: undefined }, TypeError, "exampleImage"],
  ["a call without a mask", { maskImage: undefined }, TypeError, "maskImage"],
  ["a size beside the image's", { height: 64 }, TypeError, '"height"'],
  ["sides that are no multiple of 8", { image: grey(30, 24) }, RangeError, "divisible by 8"],
  ["pixels beyond 1", { image: Tensor.full([1, 3, 32, 32], 2) }, RangeError, "values of 2 to 2"],
  ["a prompt", { prompt: "a dog" }, TypeError, '"prompt"'],
  [
    "more images than are made",
    { image: [grey(32, 24), grey(32, 24)] },
    RangeError,
    "2 images over 1",
  ],
  [
    "images of different sizes",
    { image: [grey(32, 24), grey(24, 32)] },
    TypeError,
    "different sizes",
  ],
  ["latents of another size", { latents: Tensor.zeros([1, 4, 8, 8]) }, TypeError, "[1, 4, 6, 8]"],
], call);

refuses(
  "PaintByExamplePipeline with another UNet",
  () => loadTask({ ...TASK, parts: { unet: "models/UNet2DConditionModel/sd1" } }),
  GOOD,
  [["what sees no mask", {}, RangeError, "must have 9"]],
  call,
);

describe("PaintByExamplePipeline", () => {
  it("makes each of several images as alone", async () => {
    await using pipe: AnyPipeline = await load();
    const shared = { ...FEW, ...GOOD, outputType: "tensor", seed: 3 } as const;
    const examples = [grey(20, 30), grey(9, 9)];
    const masks = [GOOD.maskImage, grey(32, 24, 1)];
    const images = [GOOD.image, GOOD.image];
    const four = await call(pipe, {
      ...shared,
      image: images,
      exampleImage: examples,
      maskImage: masks,
      numImagesPerPrompt: 2,
    });
    const last = await call(pipe, { ...shared, exampleImage: examples[1], seed: 6 });
    const away = four.tensor!.slice(0, 3).sub(last.tensor!).abs().max().item();
    // the rows of a product are summed in another order where there are more of them
    assert(away < 1 / 255, `differs by ${away}`);
  });

  it("makes the same by the command line", async () => {
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const files = { image: GOOD.image, mask: GOOD.maskImage, example: GOOD.exampleImage };
    for (const [name, image] of Object.entries(files)) await image.save(`${folder}/${name}.png`);
    const out = `${folder}/out.png`;
    const code = await runCli([
      ...["generate", "--model", fixture("tiny-paint-by-example"), "--steps", "2", "--seed", "1"],
      ...["--image", `${folder}/image.png`, "--mask", `${folder}/mask.png`],
      ...["--option", `example_image=${folder}/example.png`, "--out", out, "--quiet"],
    ]);
    assertEquals(code, 0);
    await using pipe: AnyPipeline = await load();
    const { images: [image] } = await call(pipe, GOOD);
    assertEquals((await decodeImage(await Deno.readFile(out))).data, image!.data);
    await Deno.remove(folder, { recursive: true });
  });

  it("comes back from a folder", async () => {
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await using pipe: AnyPipeline = await load();
    await pipe.savePretrained(folder);
    const index = JSON.parse(await Deno.readTextFile(`${folder}/model_index.json`));
    assertEquals(index.image_encoder, ["paint_by_example", "PaintByExampleImageEncoder"]);
    await using again: AnyPipeline = await DiffusionPipeline.fromPretrained(folder);
    const [before, after] = [await call(pipe, GOOD), await call(again, GOOD)];
    assertEquals(after.images[0]!.data, before.images[0]!.data);
    await Deno.remove(folder, { recursive: true });
  });
});

describe("PaintByExampleImageEncoder", () => {
  it("reads the names that older versions of transformers wrote", async () => {
    const from = fixture("models/PaintByExampleImageEncoder/tiny");
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await Deno.copyFile(`${from}/config.json`, `${folder}/config.json`);
    const { tensors } = await openSafetensors(`${from}/model.safetensors`);
    const renamed = new Map<string, Tensor>([
      ["model.vision_model.embeddings.position_ids", Tensor.zeros([1, 17])],
    ]);
    for (const [name, stored] of tensors) {
      renamed.set(name.replace(/^model\./, "model.vision_model."), await readTensor(stored));
    }
    await saveSafetensors(`${folder}/model.safetensors`, Object.fromEntries(renamed));
    await using encoder = await PaintByExampleImageEncoder.fromPretrained(folder);
    await using plain = await PaintByExampleImageEncoder.fromPretrained(from);
    const pixels = Tensor.ones([1, 3, 16, 16]);
    const [ours, theirs] = [await encoder.forward(pixels), await plain.forward(pixels)];
    assertEquals(ours.states.data, theirs.states.data);
    await Deno.remove(folder, { recursive: true });
  });
});
