/**
 * Audio of tests/fixtures/tiny-dance-diffusion against diffusers.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { testModel, testPipeline } from "@denoise/testing";
import {
  DanceDiffusionPipeline,
  DenoiseAudio,
  DenoiseError,
  DiffusionPipeline,
  Generator,
  IPNDMScheduler,
  Tensor,
  UNet1DModel,
} from "@denoise/denoise";
import { assertWithin, camelKeys, fixture, largest, readGolden } from "./support/golden.ts";

interface Call {
  readonly name: string;
  readonly call: Readonly<Record<string, number>>;
  /** One for each audio clip, or the one of a generator that all share. */
  readonly seeds: number | readonly number[];
  readonly audios: string;
}

const REPO = fixture("tiny-dance-diffusion");
const golden = await readGolden<{ readonly cases: readonly Call[] }>(
  "pipelines/tiny-dance-diffusion",
);
const pipe = await DanceDiffusionPipeline.fromPretrained(REPO);

// Sums of float32 in another order, about 1e-6 of the largest number of a call; a hundred steps
// add up to less than what is promised.
const LIMIT = 1e-4;

describe("DanceDiffusionPipeline", () => {
  for (const { name, call, seeds, audios } of golden.head.cases) {
    it(`makes the audio of diffusers: ${name}`, async () => {
      const generator = typeof seeds === "number"
        ? new Generator(seeds)
        : seeds.map((seed) => new Generator(seed));
      const output = await pipe({ ...camelKeys(call), generator });
      const expected = golden.tensors.get(audios)!; // [N, 2, L]
      assertEquals(output.audios.length, expected.dims[0]);
      for (const [i, audio] of output.audios.entries()) {
        assertEquals([audio.sampleRate, audio.channels], [100, 2]);
        const wanted = expected.select(0, i);
        const found = Tensor.from(audio.data).reshape([2, audio.length]);
        assertWithin(largest(found, wanted), LIMIT, name);
        await assertSameFile(await audio.encode(), wanted);
      }
    });
  }

  it("gives tensors, and the same for seeds as for generators", async () => {
    const options = { numInferenceSteps: 2, audioLengthInS: 0.2, batchSize: 2 };
    const { tensor, audios } = await pipe({ ...options, seed: 5, outputType: "tensor" });
    assertEquals([tensor!.dims, audios.length], [[2, 2, 20], 0]);
    const again = await pipe({ ...options, generator: [new Generator(5), new Generator(6)] });
    assertEquals([...again.audios[1]!.data], [...tensor!.select(0, 1).toFloat32Array()]);
    assertEquals(again.audios[1]!.recipe?.["seed"], "6");
  });

  it("is what DiffusionPipeline loads, and calls back after each step", async () => {
    const any = await DiffusionPipeline.fromPretrained(REPO);
    const seen: number[] = [];
    const callbackOnStepEnd = ({ index }: { index: number }) => void seen.push(index);
    const { images, audios } = await any({ seed: 1, numInferenceSteps: 3, callbackOnStepEnd });
    assert(audios![0] instanceof DenoiseAudio);
    assertEquals([images.length, seen], [0, [0, 1, 2]]);
    await any.dispose();
  });

  it("needs the sample rate of its unet, and a codec for audio", async () => {
    const silent = { ...pipe.unet, config: { ...pipe.unet.config, sample_rate: null } };
    const other = new DanceDiffusionPipeline({
      unet: silent as typeof pipe.unet,
      scheduler: new IPNDMScheduler(),
    });
    await assertRejects(() => other(), TypeError, "sample_rate");
    const { DanceDiffusionPipeline: Unbound } = await import("@denoise/pipeline-dance-diffusion");
    const unbound = new Unbound(pipe.components);
    const error = await assertRejects(() => unbound({ numInferenceSteps: 1 }), DenoiseError);
    assertEquals(error.code, "missing_component");
  });
});

describe("UNet1DModel", () => {
  it("takes the width of the time embedding from repos that do not name it", async () => {
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const from = fixture("models/UNet1DModel/attention");
    const weights = "diffusion_pytorch_model.safetensors";
    await Deno.copyFile(`${from}/${weights}`, `${folder}/${weights}`);
    const config = JSON.parse(await Deno.readTextFile(`${from}/config.json`));
    const load = async (change: object) => {
      await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, ...change }));
      return await UNet1DModel.fromPretrained(folder);
    };
    const sample = Generator.manualSeed(0).randn([1, 2, 16]);
    const [named, old] = [await load({}), await load({ time_embedding_dim: null })];
    const results = await Promise.all([named, old].map((model) => model.forward(sample, 0.5)));
    assert(results[0]!.sample.equals(results[1]!.sample));
    await Promise.all([named.dispose(), old.dispose()]);
    await assertRejects(() => load({ time_embedding_dim: 64 }), RangeError, "is for 16");
    await assertRejects(() => load({ extra_in_channels: 8 }), RangeError, "must be 16");
    await Deno.remove(folder, { recursive: true });
  });

  it("refuses configs that diffusers cannot run, before any weights are looked for", async () => {
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const cases: [object, string][] = [
      [{ down_block_types: ["DownBlock2D"] }, 'down_block_types = "DownBlock2D"'],
      [{ mid_block_type: null }, "mid_block_type = null"],
      [{ out_block_type: "Out" }, 'out_block_type = "Out"'],
      [{ use_timestep_embedding: true }, "DownBlock1DNoSkip"],
      [{ down_block_types: ["DownResnetBlock1D"], up_block_types: [] }, "needs it to be true"],
      [{ down_block_types: ["DownBlock1D"], out_block_type: "OutConv1DBlock" }, "up_block_types"],
      [{ down_block_types: [] }, "one at least"],
      [{ down_block_types: ["DownBlock1D", "DownBlock1DNoSkip", "DownBlock1D"] }, "the first"],
      [{ time_embedding_dim: 15 }, "must be even"],
      [{ time_embedding_type: "learned" }, "time_embedding_type"],
      [{ out_block_type: "OutConv1DBlock" }, "act_fn = null"],
    ];
    for (const [config, message] of cases) {
      await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
      await assertRejects(() => UNet1DModel.fromPretrained(folder), Error, message);
    }
    await Deno.remove(folder, { recursive: true });
  });
});

/** The 16-bit samples of a file, within 1 of those of the reference. */
function assertSameFile(file: Uint8Array, expected: Tensor): void {
  const [channels, length] = expected.dims as [number, number];
  const found = new Int16Array(file.buffer, 44, channels * length); // then the recipe
  assertEquals(new DataView(file.buffer).getUint32(40, true), 2 * channels * length);
  const values = expected.toFloat32Array();
  for (let at = 0; at < found.length; at++) {
    const [frame, channel] = [Math.floor(at / channels), at % channels];
    const wanted = Math.round(values[channel * length + frame]! * 32767);
    assertWithin(Math.abs(found[at]! - wanted), 1, `sample ${at}`);
  }
}

testPipeline(DanceDiffusionPipeline, {
  folder: REPO,
  args: (options) => [{ numInferenceSteps: 3, audioLengthInS: 0.2, ...options }],
  bytesOf: ({ audios }) => audios.map(({ data }) => new Uint8Array(data.buffer)),
  refuses: [
    { call: (p) => p({ audioLengthInS: 0.11 }), error: RangeError, message: "0.12 seconds at" },
    { call: (p) => p({ audioLengthInS: NaN }), error: RangeError, message: "audioLengthInS NaN" },
    { call: (p) => p({ batchSize: 0 }), error: RangeError, message: "integer from 1" },
    { call: (p) => p({ numInferenceSteps: 0 }), error: RangeError, message: "integer from 1" },
    {
      call: (p) => p({ outputType: "image" as "audio" }),
      error: RangeError,
      message: '"audio" or "tensor"',
    },
    {
      call: (p) => p({ batchSize: 3, generator: [new Generator(1), new Generator(2)] }),
      error: RangeError,
      message: "one generator for each",
    },
  ],
});

const noise = (...dims: number[]) => Generator.manualSeed(0).randn(dims);

testModel(UNet1DModel, {
  folder: fixture("models/UNet1DModel/attention"),
  call: (model) => model.forward(noise(1, 2, 16), 0.5),
  refuses: [
    { call: (m) => m.forward(noise(1, 2, 18), 0.5), error: RangeError, message: "multiple of 4" },
    { call: (m) => m.forward(noise(1, 2, 8), 0.5), error: RangeError, message: "at least 12" },
    {
      call: (m) => m.forward(noise(1, 3, 16), 0.5),
      error: TypeError,
      message: '"sample" must be',
    },
  ],
});
