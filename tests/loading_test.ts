/**
 * Models from the files that people have, as transformers and diffusers load them.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ModelClass } from "@denoise/core";
import {
  AutoencoderKL,
  CLIPTextModel,
  CLIPTextModelWithProjection,
  CLIPVisionModel,
  CLIPVisionModelWithProjection,
  ControlNetModel,
  DenoiseError,
  DPTForDepthEstimation,
  randn,
  Tensor,
  UNet2DConditionModel,
} from "@denoise/denoise";
import { findWeights, openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import { fixture } from "./support/golden.ts";
import right from "./fixtures/loading/clip-full/last_hidden_state.json" with { type: "json" };

async function temporary(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "denoise-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function tensorsOf(file: string): Promise<Record<string, Tensor>> {
  const { tensors } = await openSafetensors(file);
  const read = [...tensors].map(async ([name, stored]) =>
    [name, await readTensor(stored)] as const
  );
  return Object.fromEntries(await Promise.all(read));
}

/** A folder with a whole file of zeros, and the tensors in two shards with an index. */
async function sharded(source: string, stem: string) {
  const folder = await temporary();
  await Deno.copyFile(`${source}/config.json`, `${folder.path}/config.json`);
  const tensors = await tensorsOf((await findWeights(source)).files[0]!);
  const zeros = Object.entries(tensors).map(([name, { dims }]) =>
    [name, Tensor.zeros(dims)] as const
  );
  await saveSafetensors(`${folder.path}/${stem}.safetensors`, Object.fromEntries(zeros));
  const map: Record<string, string> = {};
  for (const part of [0, 1]) {
    const some = Object.entries(tensors).filter((_, i) => i % 2 === part);
    for (const [name] of some) map[name] = `part-${part}.safetensors`;
    await saveSafetensors(`${folder.path}/part-${part}.safetensors`, Object.fromEntries(some));
  }
  const index = JSON.stringify({ metadata: {}, weight_map: map });
  await Deno.writeTextFile(`${folder.path}/${stem}.safetensors.index.json`, index);
  return folder;
}

const ids = Tensor.from([[632, 5, 6, 633, 633]], undefined, "int64");
const CLIP = fixture("loading/clip-full");

describe("a checkpoint of the whole of CLIP", () => {
  for (const Class of [CLIPTextModel, CLIPTextModelWithProjection]) {
    it(`gives ${Class.className} its tower, as in transformers`, async () => {
      const model = await Class.fromPretrained(CLIP);
      const { lastHiddenState, textEmbeds } = await model.forward(ids);
      const wanted = new Tensor("float32", Float32Array.from(right), [1, 5, 16]);
      // float32 on both sides, sums in another order
      assert(wanted.sub(lastHiddenState).abs().max().item() < 1e-5);
      assertEquals(textEmbeds?.dims, Class === CLIPTextModel ? undefined : [1, 12]);
      await model.dispose();
    });
  }

  it("gives vision models theirs", async () => {
    for (const Class of [CLIPVisionModel, CLIPVisionModelWithProjection]) {
      const model = await Class.fromPretrained(CLIP);
      assertEquals(model.config.image_size, 16);
      const { imageEmbeds } = await model.forward(randn([1, 3, 16, 16]));
      assertEquals(imageEmbeds?.dims, Class === CLIPVisionModel ? undefined : [1, 12]);
      await model.dispose();
    }
  });

  it("is saved whole, under the names of its files, as transformers reads it", async () => {
    await using folder = await temporary();
    const model = await CLIPTextModel.fromPretrained(CLIP);
    await model.savePretrained(folder.path);
    const { tensors } = await openSafetensors(`${folder.path}/model.safetensors`);
    assert([...tensors.keys()].some((name) => /vision|visual|logit/.test(name)));
    const again = await CLIPTextModel.fromPretrained(folder.path);
    assertEquals((await again.forward(ids)).poolerOutput, (await model.forward(ids)).poolerOutput);
    await Promise.all([model.dispose(), again.dispose()]);
  });
});

describe("a folder with shards and a whole file", () => {
  it("gives models of diffusers the shards", async () => {
    const source = fixture("tiny-stable-diffusion/vae");
    await using folder = await sharded(source, "diffusion_pytorch_model");
    const [model, wanted] = await Promise.all(
      [folder.path, source].map((path) => AutoencoderKL.fromPretrained(path)),
    );
    const latents = randn([1, 4, 4, 4]);
    assertEquals(await model!.decode(latents), await wanted!.decode(latents));
    await Promise.all([model!.dispose(), wanted!.dispose()]);
  });

  it("gives models of transformers the whole file", async () => {
    await using folder = await sharded(fixture("tiny-stable-diffusion/text_encoder"), "model");
    const model = await CLIPTextModel.fromPretrained(folder.path);
    const { lastHiddenState } = await model.forward(ids);
    assertEquals(lastHiddenState.abs().max().item(), 0);
    await model.dispose();
  });
});

describe("findWeights()", () => {
  it("finds the index of a variant under the names of all years", async () => {
    for (const index of ["index.fp16", "fp16.index"]) {
      await using folder = await temporary();
      const map = JSON.stringify({ weight_map: { a: "a.fp16.safetensors" } });
      await Deno.writeTextFile(`${folder.path}/model.safetensors.${index}.json`, map);
      await saveSafetensors(`${folder.path}/a.fp16.safetensors`, { a: Tensor.ones([1]) });
      const { files } = await findWeights(folder.path, { variant: "fp16" });
      assertEquals(files, [`${folder.path}/a.fp16.safetensors`]);
    }
  });
});

it("a tensor that training left behind is refused by name, and left out with a warning", async () => {
  await using folder = await temporary();
  const source = fixture("tiny-stable-diffusion/vae");
  await Deno.copyFile(`${source}/config.json`, `${folder.path}/config.json`);
  const file = "diffusion_pytorch_model.safetensors";
  const tensors = await tensorsOf(`${source}/${file}`);
  await saveSafetensors(`${folder.path}/${file}`, { ...tensors, "loss.logvar": Tensor.zeros([1]) });
  const load = (options = {}) => AutoencoderKL.fromPretrained(folder.path, options);
  const error = await assertRejects(() => load(), DenoiseError, '"loss.logvar"');
  assertEquals(error.code, "unexpected_tensor");
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  await (await load({ unexpectedTensors: "warn", onWarning })).dispose();
  assert(warnings.length === 1 && warnings[0]!.includes('"loss.logvar"'), warnings[0]);
});

describe("fromSingleFile() of a model's class", () => {
  const SD = fixture("tiny-stable-diffusion");
  const cases: [ModelClass, string, string, string | undefined][] = [
    [UNet2DConditionModel, "sd1", `${SD}/unet`, SD],
    [AutoencoderKL, "sd1", `${SD}/vae`, SD],
    [CLIPTextModel, "sd1", `${SD}/text_encoder`, SD],
    [ControlNetModel, "controlnet", fixture("single_file/controlnet"), undefined],
  ];
  for (const [Class, file, folder, config = folder] of cases) {
    it(`gives the ${Class.className} of ${file} that the repo has`, async () => {
      await using saved = await temporary();
      const path = fixture(`single_file/${file}.safetensors`);
      const model = await Class.fromSingleFile(path, { config });
      const repo = await Class.fromPretrained(folder);
      assertEquals({ ...model.config, _class_name: "" }, { ...repo.config, _class_name: "" });
      const written = await Promise.all(
        [model, repo].map(async (one, i) => {
          await one.savePretrained(`${saved.path}/${i}`);
          return await tensorsOf((await findWeights(`${saved.path}/${i}`)).files[0]!);
        }),
      );
      assertEquals(written[0], written[1]);
    });
  }

  it("takes files of a model alone, with original names or today's", async () => {
    await using folder = await temporary();
    const path = `${folder.path}/alone.safetensors`;
    const all = await tensorsOf(fixture("single_file/sd1.safetensors"));
    const alone = async (prefix: string) => {
      const own = Object.entries(all).filter(([name]) => name.startsWith(prefix))
        .map(([name, tensor]) => [name.slice(prefix.length), tensor]);
      await saveSafetensors(path, { ...Object.fromEntries(own), "loss.logvar": Tensor.zeros([1]) });
    };
    await alone("first_stage_model.");
    await (await AutoencoderKL.fromSingleFile(path, { config: `${SD}/vae` })).dispose();
    const today = `${SD}/vae/diffusion_pytorch_model.safetensors`;
    await (await AutoencoderKL.fromSingleFile(today, { config: SD, subfolder: "vae" })).dispose();
    await alone("model.diffusion_model.");
    const error = await assertRejects(
      () => UNet2DConditionModel.fromSingleFile(path, { config: SD }),
      DenoiseError,
      '"loss.logvar"',
    );
    assertEquals(error.code, "unexpected_tensor");
    const options = { config: SD, unexpectedTensors: "warn", onWarning: () => {} } as const;
    await (await UNet2DConditionModel.fromSingleFile(path, options)).dispose();
  });

  it("says what is not in a file, and which classes cannot be", async () => {
    const file = fixture("single_file/controlnet.safetensors");
    const none = await assertRejects(
      () => AutoencoderKL.fromSingleFile(file, { config: SD }),
      DenoiseError,
      "the file holds none",
    );
    assertEquals(none.code, "missing_component");
    const other = await assertRejects(
      () => DPTForDepthEstimation.fromSingleFile(file),
      DenoiseError,
      "Cannot load DPTForDepthEstimation from a single file",
    );
    assertEquals(other.code, "unsupported_option");
  });

  it("holds files to the rule that nothing may be missing", async () => {
    await using folder = await temporary();
    const path = `${folder.path}/x.safetensors`;
    const { "first_stage_model.decoder.norm_out.bias": _, ...others } = await tensorsOf(
      fixture("single_file/sd1.safetensors"),
    );
    await saveSafetensors(path, others);
    const error = await assertRejects(
      () => AutoencoderKL.fromSingleFile(path, { config: SD }),
      DenoiseError,
      '"decoder.conv_norm_out.bias"',
    );
    assertEquals(error.code, "missing_tensor");
  });
});
