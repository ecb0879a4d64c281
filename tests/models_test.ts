/**
 * The models of tests/fixtures/models against diffusers and transformers.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Model, type ModelClass, Tensor, type TorchDtype } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import type {
  Flux3Transformer2DModel,
  LDMBertModel,
  Qwen3Model,
  UNet2DConditionModel,
  VQModel,
} from "@denoise/denoise";
import { registry } from "@denoise/denoise/registry";
import { openSafetensors } from "@denoise/safetensors";
import { assertWithin, fixture, readGolden } from "./support/golden.ts";
import { compareCall, MODEL_CLASSES, type ModelCall, type ModelGolden } from "./support/models.ts";

// float32 on both sides, with sums in another order: about 1e-6 of the largest number for these
// few layers. 1e-4 is what is promised for whole models.
const LIMIT = 1e-4;

async function load(className: string, name: string, torchDtype?: TorchDtype): Promise<Model> {
  const Class = await registry.get(className, "model", "a test") as ModelClass;
  return await Class.fromPretrained(fixture(`models/${className}/${name}`), { torchDtype });
}

async function assertClose(model: Model, call: ModelCall, golden: ModelGolden): Promise<void> {
  for (const [name, difference] of Object.entries(await compareCall(model, call, golden))) {
    assertWithin(difference, LIMIT, `${call.name}: ${name}`);
  }
}

function names(className: string): string[] {
  return [...Deno.readDirSync(fixture(`models/${className}`))].map(({ name }) => name).sort();
}

for (const className of MODEL_CLASSES.filter((name) => registry.has(name))) {
  describe(`${className} equals the reference`, () => {
    for (const name of names(className)) {
      it(name, async () => {
        const golden: ModelGolden = await readGolden(`models/${className}/${name}`);
        const model = await load(className, name);
        for (const call of golden.head.cases) {
          const used = call.dtype === undefined ? model : await load(className, name, call.dtype);
          await assertClose(used, call, golden);
          if (used !== model) await used.dispose();
        }
        await model.dispose();
      });
    }
  });
}

describe("UNet2DConditionModel.forward()", () => {
  const text = (tokens: number) => ({ encoderHiddenStates: Tensor.zeros([1, tokens, 16]) });
  const sample = Tensor.zeros([1, 4, 8, 8]);

  it("names the image that is missing, and takes no second one", async () => {
    const model = await load("UNet2DConditionModel", "kandinsky22") as UNet2DConditionModel;
    const image = Tensor.zeros([1, 20]);
    await assertRejects(() => model.forward(sample, 1), TypeError, '"image_embeds" is missing');
    await assertRejects(
      () => model.forward(sample, 1, { imageEmbeds: [image, image] }),
      TypeError,
      "imageEmbeds has 2 tensors",
    );
    // the text is not looked at by a model conditioned on an image alone
    await model.forward(sample, 1, { imageEmbeds: [image], ...text(3) });
    await model.dispose();
  });

  it("refuses residuals that there is no place for", async () => {
    const model = await load("UNet2DConditionModel", "masked") as UNet2DConditionModel;
    const residual = Tensor.zeros([1, 4, 8, 8]);
    await assertRejects(
      () =>
        model.forward(sample, 1, {
          ...text(2),
          downIntrablockAdditionalResiduals: Array(4).fill(residual),
        }),
      TypeError,
      "it takes at most 3",
    );
    await model.dispose();
    const simple = await load("UNet2DConditionModel", "simple_everywhere") as UNet2DConditionModel;
    await assertRejects(
      () =>
        simple.forward(sample, 1, { ...text(2), downIntrablockAdditionalResiduals: [residual] }),
      TypeError,
      'no input "intrablock_residual_0"',
    );
    await simple.dispose();
  });
});

describe("Flux3Transformer2DModel.forward()", () => {
  const [tokens, ids] = [Tensor.zeros([1, 2, 16]), Tensor.zeros([2, 4])];
  const call = {
    encoderHiddenStates: Tensor.zeros([1, 3, 12]),
    imgIds: ids,
    txtIds: Tensor.zeros([3, 4]),
  };

  it("refuses half of a reference, and a target where the model takes none or none where it does", async () => {
    const model = await load("Flux3Transformer2DModel", "base") as Flux3Transformer2DModel;
    const half = { ...call, imageCondHiddenStates: tokens };
    await assertRejects(() => model.forward(tokens, 1, half), TypeError, "imageCondIds together");
    const aimed = { ...call, targetTimestep: 0 };
    await assertRejects(() => model.forward(tokens, 1, aimed), TypeError, "with targetTimestep");
    await model.dispose();
    const distilled = await load("Flux3Transformer2DModel", "distilled") as Flux3Transformer2DModel;
    await assertRejects(() => distilled.forward(tokens, 1, call), TypeError, "without target");
    await distilled.dispose();
  });
});

describe("Qwen3VLForConditionalGeneration.hiddenStates()", () => {
  it("refuses positions that are not as many as the tokens", async () => {
    const model = await load("Qwen3VLForConditionalGeneration", "text") as Qwen3Model;
    const positionIds = Tensor.from([0, 1], undefined, "int64");
    const ids = Tensor.from([[1, 2, 3]], undefined, "int64");
    await assertRejects(
      () => model.hiddenStates(ids, [1], { positionIds }),
      TypeError,
      "there must be one for each",
    );
    await model.dispose();
  });
});

describe("VQModel.decode()", () => {
  it("refuses numbers outside the codebook and sizes that do not fit", async () => {
    const model = await load("VQModel", "lookup") as VQModel;
    const codes = (value: number) => Tensor.full([1, 2, 2], value, "int64");
    const decode = (z: Tensor, shape?: [number, number, number, number]) =>
      model.decode(z, { forceNotQuantize: true, shape });
    await assertRejects(() => decode(codes(40)), RangeError, "numbers from 0 to 39");
    await assertRejects(() => decode(codes(-1)), RangeError, "Cannot look up -1");
    await assertRejects(() => decode(codes(1), [1, 2, 2, 4]), TypeError, "the codebook's width, 3");
    await assertRejects(() => decode(Tensor.zeros([1, 3, 2, 2])), TypeError, "int64");
    await model.dispose();
  });
});

describe("LDMBertModel.forward()", () => {
  it("refuses both or neither of ids and embedded tokens, and more tokens than there are places", async () => {
    const model = await load("LDMBertModel", "wide_heads") as LDMBertModel;
    const ids = Tensor.zeros([1, 21], "int64");
    const inputsEmbeds = Tensor.zeros([1, 2, 8]);
    await assertRejects(() => model.forward(undefined), TypeError, "not neither");
    await assertRejects(() => model.forward(ids, { inputsEmbeds }), TypeError, "not both");
    await assertRejects(() => model.forward(ids), RangeError, "at most 20");
    await model.dispose();
  });
});

describe("Qwen3Model.hiddenStates()", () => {
  it("gives the states asked for, as forward() does, without the weights of later layers", async () => {
    const model = await load("Qwen3Model", "grouped") as Qwen3Model;
    const ids = Tensor.from([[3, 1, 4, 1, 5]], undefined, "int64");
    const { hiddenStates } = await model.forward(ids, { outputHiddenStates: true });
    const [first, last, before] = await model.hiddenStates(ids, [0, 3, -2]);
    assertEquals([first, last, before].map((state) => state!.data), [
      hiddenStates![0]!.data,
      hiddenStates![3]!.data,
      hiddenStates![2]!.data,
    ]);
    await model.dispose();
  });
});

describe("a loaded model", () => {
  it("knows its size and its config, which cannot be written", async () => {
    const model = await load("UNet2DModel", "ddpm");
    assertEquals(model.className, "UNet2DModel");
    assertEquals(model.dtype, "float32");
    assert(model.numParameters > 10_000);
    assert(Object.isFrozen(model.config));
    await model.dispose();
  });

  it("refuses timesteps and class labels that it has not learned", async () => {
    const sample = Tensor.zeros([1, 3, 8, 8]);
    const learned = await load("UNet2DModel", "learned") as Denoiser;
    for (const timestep of [50, -1, 3.5]) {
      await assertRejects(() => learned.forward(sample, timestep), RangeError, `${timestep}`);
    }
    const classes = await load("UNet2DModel", "class_labels") as Denoiser;
    const classLabels = Tensor.from([5]);
    await assertRejects(
      () => classes.forward(sample, 1, { classLabels }),
      RangeError,
      "from 0 to 4",
    );
    await assertRejects(() => classes.forward(sample, 1), TypeError, "class_labels");
    await assertRejects(
      () => learned.forward(sample, 1, { classLabels }),
      TypeError,
      "class_labels",
    );
    await Promise.all([learned.dispose(), classes.dispose()]);
  });

  it("gives the same again after dispose()", async () => {
    const golden: ModelGolden = await readGolden("models/UNet2DModel/heads");
    const model = await load("UNet2DModel", "heads");
    for (const call of golden.head.cases) {
      await assertClose(model, call, golden);
      await model.dispose();
    }
  });

  it("is saved into a folder that loads again and gives the same", async () => {
    const golden: ModelGolden = await readGolden("models/AutoencoderKL/old_names");
    const model = await load("AutoencoderKL", "old_names");
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await model.savePretrained(folder);
    const Class = await registry.get("AutoencoderKL", "model", "a test") as ModelClass;
    const again = await Class.fromPretrained(folder);
    for (const call of golden.head.cases) await assertClose(again, call, golden);
    assertEquals(
      JSON.parse(JSON.stringify(again.config)),
      JSON.parse(JSON.stringify(model.config)),
    );
    await Promise.all([model.dispose(), again.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });
});

describe("a T5EncoderModel in float16", () => {
  it("is saved with the layers that stay float32, and gives the same again", async () => {
    const golden: ModelGolden = await readGolden("models/T5EncoderModel/gated_gelu");
    const model = await load("T5EncoderModel", "gated_gelu", "float16");
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await model.savePretrained(folder);
    const { tensors } = await openSafetensors(`${folder}/model.safetensors`);
    const kept = [...tensors].filter(([_, { dtype }]) => dtype === "float32").map(([name]) => name);
    assertEquals(kept.length, 2);
    assert(kept.every((name) => name.endsWith(".wo.weight")), String(kept));
    const Class = await registry.get("T5EncoderModel", "model", "a test") as ModelClass;
    const again = await Class.fromPretrained(folder, { torchDtype: "float16" });
    const call = golden.head.cases.find(({ dtype }) => dtype === "float16")!;
    await assertClose(again, call, golden);
    await Promise.all([model.dispose(), again.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });
});
