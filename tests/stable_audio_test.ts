/**
 * StableAudioPipeline and its models beside what tasks_test.ts and models_test.ts compare with diffusers.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { testModel, testPipeline } from "@denoise/testing";
import {
  AutoencoderOobleck,
  DenoiseAudio,
  DiffusionPipeline,
  Generator,
  StableAudioDiTModel,
  StableAudioPipeline,
  StableAudioProjectionModel,
  Tensor,
} from "@denoise/denoise";
import { assertWithin, fixture, largest } from "./support/golden.ts";

const REPO = fixture("tiny-stable-audio");
const FEW = { numInferenceSteps: 3, audioEndInS: 1.2 } as const;
const noise = (...dims: number[]) => Generator.manualSeed(0).randn(dims);

describe("StableAudioPipeline", () => {
  it("gives audio with its rate and recipe, tensors or latents", async () => {
    const pipe = await StableAudioPipeline.fromPretrained(REPO);
    const call = { ...FEW, audioStartInS: 0.2, seed: 5, numWaveformsPerPrompt: 2 } as const;
    const { audios, images } = await pipe("rain", call);
    assertEquals([audios.length, images.length], [2, 0]);
    assertEquals(String(audios[0]), "DenoiseAudio stereo 40 Hz 1 s");
    const { prompt, seed, steps, guidanceScale, audioStartInS, audioEndInS } = audios[1]!.recipe!;
    assertEquals(
      [prompt, seed, steps, guidanceScale, audioStartInS, audioEndInS],
      ["rain", "6", 3, 7, 0.2, 1.2],
    );
    const { tensor } = await pipe("rain", { ...call, outputType: "tensor" });
    assertEquals(tensor!.dims, [2, 2, 40]);
    assertEquals([...tensor!.select(0, 1).toFloat32Array()], [...audios[1]!.data]);
    const { tensor: latents } = await pipe("rain", { ...call, outputType: "latent" });
    assertEquals(latents!.dims, [2, 4, 20]);
    await pipe.dispose();
  });

  it("is what DiffusionPipeline loads, for a prompt alone", async () => {
    await using pipe = await DiffusionPipeline.fromPretrained(REPO);
    const { audios } = await pipe("rain", { numInferenceSteps: 1, seed: 0 });
    assertEquals([audios!.length, audios![0]!.duration], [1, 4]);
  });

  it("begins with audio as with its samples, and says what it cuts", async () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    const pipe = await StableAudioPipeline.fromPretrained(REPO, { onWarning });
    const data = noise(1, 1, 200).mul(0.3);
    const clip = new DenoiseAudio(40, 1, data.toFloat32Array());
    const call = { ...FEW, seed: 1, outputType: "tensor" } as const;
    const initialAudioSamplingRate = 40;
    const given = [clip, [clip], data, data.reshape([1, 200])];
    const made: Tensor[] = [];
    for (const initialAudioWaveforms of given) {
      const options = { ...call, initialAudioWaveforms, initialAudioSamplingRate };
      made.push((await pipe("rain", options)).tensor!);
    }
    assert(made.every((one) => one.equals(made[0]!)));
    assert(!made[0]!.equals((await pipe("rain", call)).tensor!));
    assertEquals(
      new Set(warnings),
      new Set(["initialAudioWaveforms: 200 samples are longer than 160, and are cut"]),
    );
    await pipe.dispose();
  });

  it("warns of a prompt that is cut, by quoting it", async () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    await using pipe = await StableAudioPipeline.fromPretrained(REPO, { onWarning });
    await pipe("a red apple on a blue background ".repeat(4), { numInferenceSteps: 1, seed: 0 });
    assertEquals(warnings.length, 1);
    assert(
      warnings[0]!.includes("T5 can only handle sequences up to 24 tokens") &&
        warnings[0]!.includes("apple"),
      warnings[0]!,
    );
  });
});

testPipeline(StableAudioPipeline, {
  folder: REPO,
  args: (options) => ["rain", { ...FEW, ...options }],
  bytesOf: ({ audios }) => audios.map(({ data }) => new Uint8Array(data.buffer)),
  refuses: [
    { call: (p) => p(), error: TypeError, message: "either prompt or promptEmbeds" },
    { call: (p) => p("a", { audioEndInS: 5 }), error: RangeError, message: "from 0 to 4 seconds" },
    { call: (p) => p("a", { audioStartInS: -1 }), error: RangeError, message: "audioStartInS -1" },
    {
      call: (p) => p("a", { audioStartInS: 3, audioEndInS: 2 }),
      error: RangeError,
      message: "from second 3 to 2",
    },
    { call: (p) => p("a", { audioEndInS: NaN }), error: RangeError, message: "audioEndInS NaN" },
    {
      call: (p) => p("a", { ...FEW, outputType: "image" as "audio" }),
      error: RangeError,
      message: '"audio"',
    },
    {
      call: (p) => p("a", { ...FEW, latents: noise(1, 4, 19) }),
      error: TypeError,
      message: "[1, 4, 20]",
    },
    {
      call: (p) => p("a", { ...FEW, attentionMask: Tensor.ones([1, 24], "int64") }),
      error: TypeError,
      message: "attentionMask without promptEmbeds",
    },
    {
      call: (p) => {
        const mask = Tensor.ones([1, 5], "int64");
        return p(undefined, { ...FEW, promptEmbeds: noise(1, 6, 16), attentionMask: mask });
      },
      error: TypeError,
      message: "it must be [1, 6]",
    },
    {
      call: (p) => p("a", { ...FEW, initialAudioWaveforms: noise(1, 2, 50) }),
      error: TypeError,
      message: "give initialAudioSamplingRate",
    },
    {
      call: (p) => p("a", { ...FEW, initialAudioSamplingRate: 44_100 }),
      error: TypeError,
      message: "must be 40",
    },
    {
      call: (p) => {
        const initialAudioWaveforms = new DenoiseAudio(50, 1, new Float32Array(8));
        return p("a", { ...FEW, initialAudioWaveforms });
      },
      error: TypeError,
      message: "50 Hz",
    },
    {
      call: (p) => {
        const initialAudioWaveforms = noise(2, 2, 50);
        return p("a", { ...FEW, initialAudioWaveforms, initialAudioSamplingRate: 40 });
      },
      error: TypeError,
      message: "this call needs [1, 2, samples]",
    },
  ],
});

const STEREO = fixture("models/AutoencoderOobleck/stereo");

describe("AutoencoderOobleck", () => {
  it("says how many samples a latent is, and gives the same in slices as at once", async () => {
    await using vae = await AutoencoderOobleck.fromPretrained(STEREO);
    assertEquals(vae.hopLength, 8);
    const latents = noise(3, 4, 9);
    const whole = await vae.decode(latents);
    vae.enableSlicing();
    assertWithin(largest((await vae.decode(latents)).sample, whole.sample), 1e-5, "sample");
  });
});

testModel(AutoencoderOobleck, {
  folder: STEREO,
  call: (model) => model.decode(noise(1, 4, 5)),
  refuses: [{
    call: (m) => m.decode(noise(1, 3, 5)),
    error: TypeError,
    message: '"latents" must be',
  }],
});

const options = {
  encoderHiddenStates: noise(1, 3, 12),
  globalHiddenStates: noise(1, 1, 24),
};
const table = Tensor.ones([6, 4]);
testModel(StableAudioDiTModel, {
  folder: fixture("models/StableAudioDiTModel/grouped"),
  call: (model) => model.forward(noise(1, 4, 5), 0.5, options),
  refuses: [
    {
      call: (m) =>
        m.forward(noise(1, 4, 7), 0.5, { ...options, rotaryEmbedding: { cos: table, sin: table } }),
      error: TypeError,
      message: "it must have 8",
    },
    {
      call: (m) => m.forward(noise(1, 5, 7), 0.5, options),
      error: TypeError,
      message: '"hidden_states" must be',
    },
  ],
});

testModel(StableAudioProjectionModel, {
  folder: fixture("models/StableAudioProjectionModel/wider"),
  call: (model) => model.text(noise(1, 3, 16)),
  refuses: [
    {
      call: (m) => m.seconds([1, 2], [3]),
      error: RangeError,
      message: "2 starts with 1 ends",
    },
  ],
});
