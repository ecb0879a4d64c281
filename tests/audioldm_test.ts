/**
 * AudioLDMPipeline, MusicLDMPipeline and their models beside what tasks_test.ts and models_test.ts compare with diffusers.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { testModel, testPipeline } from "@denoise/testing";
import {
  AudioLDMPipeline,
  ClapModel,
  ClapTextModelWithProjection,
  DiffusionPipeline,
  Generator,
  MusicLDMPipeline,
  SpeechT5HifiGan,
  Tensor,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { writeTree } from "./support/files.ts";

const REPO = fixture("tiny-audioldm");
const FEW = { numInferenceSteps: 3, audioLengthInS: 0.7 } as const;
const noise = (...dims: number[]) => Generator.manualSeed(0).randn(dims);

describe("AudioLDMPipeline", () => {
  it("gives audio with its rate and recipe, tensors or latents", async () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    await using pipe = await DiffusionPipeline.fromPretrained(REPO, { onWarning });
    const call = { ...FEW, seed: 5, numWaveformsPerPrompt: 2 } as const;
    const { audios } = await pipe("rain", call);
    assertEquals([audios!.length, String(audios![0])], [2, "DenoiseAudio mono 96 Hz 0.698 s"]);
    const { prompt, seed, steps, guidanceScale, audioLengthInS } = audios![1]!.recipe!;
    assertEquals([prompt, seed, steps, guidanceScale, audioLengthInS], ["rain", "6", 3, 2.5, 0.7]);
    const { tensor } = await pipe("rain", { ...call, outputType: "tensor" });
    assertEquals(tensor!.dims, [2, 1, 67]);
    assertEquals([...tensor!.select(0, 1).toFloat32Array()], [...audios![1]!.data]);
    const { tensor: latents } = await pipe("rain", { ...call, outputType: "latent" });
    assertEquals(latents!.dims, [2, 4, 6, 8]);
    await pipe("a red apple on a blue background ".repeat(4), FEW);
    assertEquals(warnings.length, 1);
    assert(warnings[0]!.includes("CLAP can only handle sequences up to 24"), warnings[0]!);
  });
});

testPipeline(AudioLDMPipeline, {
  folder: REPO,
  args: (options) => ["rain", { ...FEW, ...options }],
  bytesOf: ({ audios }) => audios.map(({ data }) => new Uint8Array(data.buffer)),
  refuses: [
    { call: (p) => p(), error: TypeError, message: "either prompt or promptEmbeds" },
    { call: (p) => p("a", { audioLengthInS: 0.1 }), error: RangeError, message: "0.125 at least" },
    {
      call: (p) => p("a", { audioLengthInS: NaN }),
      error: RangeError,
      message: "audioLengthInS NaN",
    },
    {
      call: (p) => p("a", { ...FEW, latents: noise(1, 4, 5, 8) }),
      error: TypeError,
      message: "[1, 4, 6, 8]",
    },
    {
      call: (p) => p(undefined, { ...FEW, promptEmbeds: noise(1, 12), negativePrompt: ["a", "b"] }),
      error: RangeError,
      message: "2 negative prompts with 1",
    },
  ],
});

testPipeline(MusicLDMPipeline, {
  folder: fixture("tiny-musicldm"),
  args: (options) => ["rain", { ...FEW, ...options }],
  bytesOf: ({ audios }) => audios.map(({ data }) => new Uint8Array(data.buffer)),
  refuses: [
    { call: (p) => p(), error: TypeError, message: "either prompt or promptEmbeds" },
    { call: (p) => p("a", { audioLengthInS: 0.1 }), error: RangeError, message: "0.125 at least" },
  ],
});

testModel(ClapModel, {
  folder: fixture("models/ClapModel/whole"),
  call: async (model) =>
    (await model.forward(Tensor.from([[0, 7, 9, 2]], undefined, "int64"))).textEmbeds!,
  refuses: [{
    call: (m) => m.forward(Tensor.zeros([1, 29], "int64")),
    error: RangeError,
    message: "at most 28",
  }],
});

testModel(ClapTextModelWithProjection, {
  folder: fixture("models/ClapTextModelWithProjection/clap"),
  call: async (model) =>
    (await model.forward(Tensor.from([[0, 7, 9, 2]], undefined, "int64"))).textEmbeds!,
  refuses: [{
    call: (m) => m.forward(Tensor.zeros([1, 29], "int64")),
    error: RangeError,
    message: "at most 28",
  }],
});

testModel(SpeechT5HifiGan, {
  folder: fixture("models/SpeechT5HifiGan/normalized"),
  call: (model) => model.forward(noise(1, 5, 16)),
  refuses: [{
    call: (m) => m.forward(noise(1, 5, 15)),
    error: TypeError,
    message: '"spectrogram" must be',
  }],
});

describe("SpeechT5HifiGan", () => {
  it("refuses configs whose lists do not belong together", async () => {
    const cases: [object, string][] = [
      [{ upsample_rates: [2] }, "upsample_rates names 1 and upsample_kernel_sizes 4"],
      [{ resblock_dilation_sizes: [[1]] }, "resblock_dilation_sizes 1"],
      [{ resblock_dilation_sizes: [1, 3, 5] }, "a list of lists of integers"],
    ];
    for (const [config, message] of cases) {
      await using folder = await writeTree({ "config.json": JSON.stringify(config) });
      await assertRejects(() => SpeechT5HifiGan.fromPretrained(folder.path), Error, message);
    }
  });
});
