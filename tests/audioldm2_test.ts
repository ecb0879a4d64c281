/**
 * AudioLDM2Pipeline and its models beside what tasks_test.ts and models_test.ts compare with diffusers.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { testModel, testPipeline } from "@denoise/testing";
import {
  AudioLDM2Pipeline,
  AudioLDM2ProjectionModel,
  AudioLDM2UNet2DConditionModel,
  DiffusionPipeline,
  Generator,
  GPT2Model,
  Tensor,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const REPO = fixture("tiny-audioldm2");
const FEW = { numInferenceSteps: 2, audioLengthInS: 0.7 } as const;
const noise = (...dims: number[]) => Generator.manualSeed(0).randn(dims);

describe("AudioLDM2Pipeline", () => {
  it("gives audio with its rate and recipe, and warns of what is cut", async () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    await using pipe = await DiffusionPipeline.fromPretrained(REPO, { onWarning });
    const { audios } = await pipe("rain", { ...FEW, seed: 5, numWaveformsPerPrompt: 2 });
    assertEquals([audios!.length, String(audios![0])], [2, "DenoiseAudio mono 96 Hz 0.698 s"]);
    const { prompt, seed, steps, guidanceScale, audioLengthInS } = audios![1]!.recipe!;
    assertEquals([prompt, seed, steps, guidanceScale, audioLengthInS], ["rain", "6", 2, 3.5, 0.7]);
    await pipe("a red apple on a blue background ".repeat(8), FEW);
    assert(warnings.some((text) => text.includes("CLAP can only handle")), warnings.join("\n"));
    assert(warnings.some((text) => text.includes("T5 can only handle")), warnings.join("\n"));
  });
});

testPipeline(AudioLDM2Pipeline, {
  folder: REPO,
  args: (options) => ["rain", { ...FEW, ...options }],
  bytesOf: ({ audios }) => audios.map(({ data }) => new Uint8Array(data.buffer)),
  refuses: [
    { call: (p) => p(), error: TypeError, message: "either prompt or promptEmbeds" },
    { call: (p) => p("a", { audioLengthInS: 0.1 }), error: RangeError, message: "0.125 at least" },
    {
      call: (p) => p(undefined, { ...FEW, promptEmbeds: noise(1, 6, 20) }),
      error: TypeError,
      message: "promptEmbeds without generatedPromptEmbeds",
    },
    {
      call: (p) => p("a", { ...FEW, attentionMask: Tensor.ones([1, 6], "int64") }),
      error: TypeError,
      message: "attentionMask without promptEmbeds",
    },
    {
      call: (p) =>
        p(undefined, {
          ...FEW,
          promptEmbeds: noise(1, 6, 20),
          generatedPromptEmbeds: noise(1, 3, 16),
          attentionMask: Tensor.ones([1, 5], "int64"),
        }),
      error: TypeError,
      message: "must be [1, 6]",
    },
  ],
});

testModel(GPT2Model, {
  folder: fixture("models/GPT2Model/plain"),
  call: (model) => model.forward(noise(1, 5, 16)),
  refuses: [{
    call: (m) => m.forward(noise(1, 65, 16)),
    error: RangeError,
    message: "places for 64",
  }],
});

testModel(AudioLDM2ProjectionModel, {
  folder: fixture("models/AudioLDM2ProjectionModel/plain"),
  call: (model) => model.forward(noise(1, 1, 12), noise(1, 4, 20)),
  refuses: [],
});

testModel(AudioLDM2UNet2DConditionModel, {
  folder: fixture("models/AudioLDM2UNet2DConditionModel/plain"),
  call: async (model) =>
    (await model.forward(noise(1, 4, 8, 8), 9, {
      encoderHiddenStates: noise(1, 3, 16),
      encoderHiddenStates1: noise(1, 4, 20),
    })).sample,
  refuses: [],
});
