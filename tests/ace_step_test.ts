/**
 * AceStepPipeline and its models beside what tasks_test.ts and models_test.ts compare with diffusers.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import { testModel, testPipeline } from "@denoise/testing";
import {
  AceStepAudioTokenDetokenizer,
  AceStepAudioTokenizer,
  AceStepConditionEncoder,
  AceStepPipeline,
  AceStepTransformer1DModel,
  DenoiseAudio,
  DiffusionPipeline,
  Generator,
  Tensor,
} from "@denoise/denoise";
import { readWavRecipe } from "@denoise/denoise";
import { registry } from "@denoise/denoise/registry";
import { createApp, inlineServingEngine } from "@denoise/functions";
import { runCli } from "../plugins/tools/cli/program.ts";
import { post } from "../functions/tests/app.ts";
import { bytesIn } from "./support/data_url.ts";
import { assertWithin, fixture, largest } from "./support/golden.ts";

/** The samples of a WAV file of 16 bits. */
function samplesOf(file: Uint8Array): Int16Array {
  const view = new DataView(file.buffer, file.byteOffset);
  return new Int16Array(file.slice(44, 44 + view.getUint32(40, true)).buffer);
}

const REPO = fixture("tiny-ace-step");
const TURBO = fixture("tiny-ace-step-turbo");
const FEW = { numInferenceSteps: 2, audioDuration: 1.2 } as const;
const noise = (...dims: number[]) => Generator.manualSeed(0).randn(dims);

/** What a call of a pipeline of a repo warns of. */
async function warningsOf(repo: string, options: object): Promise<string[]> {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  await using pipe = await AceStepPipeline.fromPretrained(repo, { onWarning });
  await pipe("rain", { ...FEW, seed: 0, ...options });
  return warnings;
}

describe("AceStepPipeline", () => {
  it("gives audio with its rate and recipe", async () => {
    await using pipe = await DiffusionPipeline.fromPretrained(REPO);
    const call = { ...FEW, seed: 5, lyrics: ["la", "lo"], bpm: 90, keyscale: "C major" };
    const { audios } = await pipe(["rain", "wind"], call);
    assertEquals([audios!.length, String(audios![0])], [2, "DenoiseAudio stereo 40 Hz 1.2 s"]);
    const { prompt, seed, steps, guidanceScale, audioDuration, lyrics, bpm, vocalLanguage } =
      audios![1]!.recipe!;
    assertEquals(
      [prompt, seed, steps, guidanceScale, audioDuration, lyrics, bpm, vocalLanguage],
      ["wind", "6", 2, 7, 1.2, "lo", 90, "en"],
    );
    const peaks = audios!.map(({ data }) => Math.max(...data.map(Math.abs)));
    for (const peak of peaks) assertWithin(Math.abs(peak - 10 ** (-1 / 20)), 1e-6, "1 dB below 1");
  });

  it("makes several clips of each prompt, as of one that is given as often", async () => {
    await using pipe = await AceStepPipeline.fromPretrained(REPO);
    const audioCodes = ["<|audio_code_3|>", "<|audio_code_900|>"];
    const call = { ...FEW, seed: 4, outputType: "tensor" } as const;
    const lyrics = ["la", "lo"];
    const twice = (texts: string[]) => texts.flatMap((text) => [text, text]);
    for (const codes of [undefined, audioCodes]) {
      const given = { ...call, lyrics, audioCodes: codes, numWaveformsPerPrompt: 2 };
      const { tensor } = await pipe(["rain", "wind"], given);
      const listed = { ...call, lyrics: twice(lyrics), audioCodes: codes && twice(codes) };
      const each = await pipe(twice(["rain", "wind"]), listed);
      assertEquals([tensor!.dims[0], tensor!.equals(each.tensor!)], [4, true]);
    }
  });

  it("sings by the command line and by HTTP what it sings by itself", async () => {
    await using pipe = await AceStepPipeline.fromPretrained(REPO);
    const lyrics = "[verse]\nla la";
    const { audios } = await pipe("rain", { ...FEW, seed: 3, lyrics });
    const own = await audios[0]!.encode();
    const folder = await Deno.makeTempDir();
    const out = `${folder}/rain.wav`;
    const flags = ["--steps", "2", "--length", "1.2", "--seed", "3", "--out", out, "--quiet"];
    const code = await runCli(["generate", "rain", "--model", REPO, "--lyrics", lyrics, ...flags]);
    assertEquals(code, 0);
    const file = await Deno.readFile(out);
    await Deno.remove(folder, { recursive: true });
    assertEquals(samplesOf(file), samplesOf(own));
    assertEquals(readWavRecipe(file)!["lyrics"], lyrics);

    const models = [{ id: "one", location: REPO }];
    const engine = inlineServingEngine({ models, registry, warmup: false });
    const app = createApp({ engine, registry });
    const input = { prompt: "rain", num_inference_steps: 2, audio_length_in_s: 1.2, seed: 3 };
    const served = async (more: object) => {
      const response = await app.request("/predictions", post({ input: { ...input, ...more } }));
      const { output, error } = await response.json();
      assertEquals(error ?? null, null);
      return (output as string[]).map((url) => samplesOf(bytesIn(url)));
    };
    const apart = (a: Int16Array, b: Int16Array) =>
      Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    const [sung] = await served({ lyrics });
    assertWithin(apart(sung!, samplesOf(own)), 64, "of 32,768: graphs are optimized there");
    const [hummed, other] = await served({ num_outputs: 2 });
    assert(apart(hummed!, sung!) > 500, "lyrics change nothing");
    assert(apart(hummed!, other!) > 500, "both clips are the same");
    await app.drain(0);
    await engine.close();
  });

  it("covers and repaints a clip by the command line and by HTTP", async () => {
    await using pipe = await AceStepPipeline.fromPretrained(REPO);
    const clip = new DenoiseAudio(40, 2, noise(2, 80).mul(0.3).toFloat32Array());
    const wav = await clip.encode("wav", { sampleFormat: "float32" });
    const repaint = { taskType: "repaint", repaintingStart: 0.4, repaintingEnd: 1.2 } as const;
    const call = { numInferenceSteps: 2, audioDuration: 2, seed: 3, srcAudio: wav, ...repaint };
    const own = samplesOf(await (await pipe("rain", call)).audios[0]!.encode());
    const folder = await Deno.makeTempDir();
    const [source, out] = [`${folder}/source.wav`, `${folder}/rain.wav`];
    await Deno.writeFile(source, wav);
    const options = ["task_type=repaint", "repainting-start=0.4", "repaintingEnd=1.2"];
    const flags = [...options, `src_audio=${source}`].flatMap((text) => ["--option", text]);
    const usual = ["--model", REPO, "--steps", "2", "--length", "2", "--seed", "3", "--quiet"];
    const code = await runCli(["generate", "rain", ...usual, ...flags, "--out", out]);
    assertEquals(code, 0);
    const file = await Deno.readFile(out);
    assertEquals(samplesOf(file), own);
    assertEquals(readWavRecipe(file)!["options"], {
      ...{ task_type: "repaint", repainting_start: "0.4", repainting_end: "1.2" },
    });
    const fromPath = await pipe("rain", { ...call, srcAudio: source });
    assertEquals(samplesOf(await fromPath.audios[0]!.encode()), own);
    await Deno.remove(folder, { recursive: true });

    const engine = inlineServingEngine({
      models: [{ id: "one", location: REPO }],
      ...{ registry, warmup: false },
    });
    const app = createApp({ engine, registry });
    const input = { prompt: "rain", num_inference_steps: 2, audio_length_in_s: 2, seed: 3 };
    const asked = async (more: object) => {
      const response = await app.request("/predictions", post({ input: { ...input, ...more } }));
      return await response.json();
    };
    const src_audio = `data:audio/wav;base64,${wav.toBase64()}`;
    const part = { task_type: "repaint", repainting_start: 0.4, repainting_end: 1.2, src_audio };
    const { output, error } = await asked(part);
    assertEquals(error ?? null, null);
    const [url] = output as string[];
    const served = samplesOf(bytesIn(url!));
    const apart = Math.max(...served.map((value, i) => Math.abs(value - own[i]!)));
    assertWithin(apart, 64, "of 32,768: graphs are optimized there");
    const long = await new DenoiseAudio(40, 1, new Float32Array(40 * 241)).encode();
    for (
      const [more, message] of [
        [{ src_audio: "https://example.com/a.wav" }, "other addresses are not fetched"],
        [{ src_audio: 3 }, "must be audio as a data URL"],
        [{ src_audio: "data:audio/wav;base64,AAAA" }, "it is no WAV file"],
        [{ src_audio: `data:audio/wav;base64,${long.toBase64()}` }, "240 at most"],
        [{ task_type: "remix" }, '"text2music"'],
      ] as const
    ) {
      const { detail = "", error = "" } = await asked(more);
      assert(`${detail}${error}`.includes(message), `${detail}${error}`);
    }
    await app.drain(0);
    await engine.close();
  });

  it("takes clips as audio and as samples, and draws the same noise with and without", async () => {
    await using pipe = await AceStepPipeline.fromPretrained(REPO);
    const data = noise(2, 80).mul(0.3);
    const clip = new DenoiseAudio(40, 2, data.toFloat32Array());
    const call = { ...FEW, taskType: "complete", seed: 1, outputType: "tensor" } as const;
    const made: Tensor[] = [];
    for (const srcAudio of [clip, data, data.reshape([1, 2, 80])]) {
      made.push((await pipe("rain", { ...call, srcAudio })).tensor!);
    }
    assertEquals(made[0]!.dims, [1, 2, 80]);
    assert(made.every((one) => one.equals(made[0]!)));
    const mono = Tensor.cat([data.slice(0, 0, 1), data.slice(0, 0, 1)]);
    const both = (await pipe("rain", { ...call, srcAudio: mono })).tensor!;
    const one = new DenoiseAudio(40, 1, mono.slice(0, 0, 1).toFloat32Array());
    assert((await pipe("rain", { ...call, srcAudio: one })).tensor!.equals(both));
  });

  it("keeps what is not repainted closer to the clip than what is", async () => {
    await using pipe = await AceStepPipeline.fromPretrained(REPO);
    const call = { ...FEW, taskType: "repaint", seed: 1, outputType: "latent" } as const;
    const srcAudio = noise(2, 160).mul(0.3);
    const begun = { ...call, srcAudio, repaintingStart: 2 };
    const [a, b] = [await pipe("rain", begun), await pipe("rain", { ...begun, repaintingEnd: 3 })];
    assertEquals(a.tensor!.dims, [1, 20, 4]);
    assert(largest(a.tensor!, b.tensor!) > 1e-3, "repaintingEnd changes nothing");
  });

  it("makes a cover of codes as long as these are, with as much of it as is asked for", async () => {
    await using pipe = await AceStepPipeline.fromPretrained(REPO);
    const audioCodes = "<|audio_code_3|><|audio_code_4|><|audio_code_5|>";
    const call = { ...FEW, audioCodes, seed: 1, outputType: "latent" } as const;
    const { tensor } = await pipe("rain", call);
    assertEquals(tensor!.dims, [1, 15, 4]);
    const half = (await pipe("rain", { ...call, audioCoverStrength: 0.5 })).tensor!;
    assert(largest(tensor!, half) > 1e-3, "audioCoverStrength changes nothing");
    const named = (await pipe("rain", { ...call, taskType: "cover" })).tensor!;
    assert(named.equals(tensor!), "codes make the task a cover");
    const blank = await pipe("rain", { ...FEW, audioCodes: " ", seed: 1, outputType: "latent" });
    assertEquals(blank.tensor!.dims, [1, 6, 4]);
  });

  it("refuses covers where the repo has no tokens", async () => {
    await using pipe = await AceStepPipeline.fromPretrained(TURBO);
    const srcAudio = noise(2, 80);
    for (const options of [{ audioCodes: "<|audio_code_3|>" }, { taskType: "cover", srcAudio }]) {
      const error = await assertRejects(
        () => pipe("rain", { ...FEW, ...options } as object),
        DenoiseError,
        "lacks audio_tokenizer or audio_token_detokenizer",
      );
      assertEquals(error.code, "missing_component");
    }
  });

  it("warns of what has no effect and of what is cut", async () => {
    assertEquals(await warningsOf(REPO, {}), []);
    const [turbo] = await warningsOf(TURBO, { guidanceScale: 3 });
    assert(turbo!.startsWith("guidanceScale 3 has no effect"), turbo);
    assertEquals(await warningsOf(REPO, { trackName: "drums", audioCoverStrength: 0.5 }), [
      'trackName has no effect on the task "text2music": it is for extract and lego',
      'audioCoverStrength has no effect on the task "text2music": it is for cover',
    ]);
    assertEquals(await warningsOf(REPO, { taskType: "lego" }), [
      'The task "lego" is about srcAudio: without it the source is silence',
    ]);
    const cut = await warningsOf(REPO, {
      lyrics: "la lo li",
      maxLyricLength: 20,
      maxTextLength: 9,
    });
    assert(cut.some((text) => text.includes("maxLyricLength is set to 20 tokens")), cut.join("\n"));
    assert(cut.some((text) => text.includes("maxTextLength is set to 9 tokens")), cut.join("\n"));
  });
});

testPipeline(AceStepPipeline, {
  folder: REPO,
  args: (options) => ["rain", { ...FEW, ...options }],
  bytesOf: ({ audios }) => audios.map(({ data }) => new Uint8Array(data.buffer)),
  refuses: [
    { call: (p) => p(), error: TypeError, message: "music of no description" },
    { call: (p) => p([]), error: TypeError, message: "music of no description" },
    {
      call: (p) => p("a", { ...FEW, lyrics: ["a", "b"] }),
      error: TypeError,
      message: "2 texts as lyrics of 1 prompts",
    },
    {
      call: (p) => p(["a", "b"], { ...FEW, vocalLanguage: ["en"] }),
      error: TypeError,
      message: "1 texts as vocalLanguage of 2 prompts",
    },
    { call: (p) => p("a", { audioDuration: 4000 }), error: RangeError, message: "audioDuration" },
    {
      call: (p) => p("a", { audioDuration: NaN }),
      error: RangeError,
      message: "audioDuration NaN",
    },
    { call: (p) => p("a", { ...FEW, shift: 0 }), error: RangeError, message: "shift 0" },
    {
      call: (p) => p("a", { ...FEW, audioCoverStrength: 1.5 }),
      error: RangeError,
      message: "audioCoverStrength 1.5",
    },
    {
      call: (p) => p("a", { ...FEW, taskType: "remix" as "cover" }),
      error: RangeError,
      message: '"text2music"',
    },
    {
      call: (p) => p("a", { ...FEW, cfgIntervalStart: 0.6, cfgIntervalEnd: 0.5 }),
      error: RangeError,
      message: "from 0.6 to 0.5 of the way",
    },
    {
      call: (p) => p("a", { ...FEW, taskType: "repaint", repaintingStart: 2, repaintingEnd: 1 }),
      error: RangeError,
      message: "from second 2 to 1",
    },
    {
      call: (p) => p("a", { ...FEW, audioCodes: "one, two" }),
      error: TypeError,
      message: "no codes in it",
    },
    {
      call: (p) => p("a", { ...FEW, latents: noise(1, 5, 4) }),
      error: TypeError,
      message: "[1, 6, 4]",
    },
    {
      call: (p) => p("a", { ...FEW, srcAudio: new DenoiseAudio(50, 1, new Float32Array(80)) }),
      error: TypeError,
      message: "srcAudio of 50 Hz: it must be of 40",
    },
    {
      call: (p) => p("a", { ...FEW, srcAudio: noise(3, 80) }),
      error: TypeError,
      message: "it must have 2 channels",
    },
    {
      call: (p) => p("a", { ...FEW, referenceAudio: noise(80) }),
      error: TypeError,
      message: "[channels, samples]",
    },
    {
      call: (p) => p("a", { ...FEW, referenceAudio: { path: "song.wav" } as never }),
      error: TypeError,
      message: "it must be audio",
    },
    {
      call: (p) => p("a", { ...FEW, referenceAudio: noise(2, 2, 80) }),
      error: TypeError,
      message: "timbre of 2 clips",
    },
    {
      call: (p) => p("a", { ...FEW, srcAudio: noise(2, 2, 80) }),
      error: TypeError,
      message: "2 clips for 1 to make",
    },
  ],
});

const beside = { encoderHiddenStates: noise(1, 3, 16), contextLatents: noise(1, 5, 8) };
testModel(AceStepTransformer1DModel, {
  folder: fixture("models/AceStepTransformer1DModel/plain"),
  call: async (model) => (await model.forward(noise(1, 5, 4), 0.5, beside)).sample,
  refuses: [
    {
      call: (m) => m.forward(noise(1, 7, 4), 0.5, beside),
      error: TypeError,
      message: '"context_latents" must be',
    },
    {
      call: (m) => m.forward(noise(1, 5, 3), 0.5, beside),
      error: TypeError,
      message: '"hidden_states" must be',
    },
  ],
});

const conditions = {
  textHiddenStates: noise(2, 3, 12),
  textAttentionMask: Tensor.ones([2, 3], "int64"),
  lyricHiddenStates: noise(2, 4, 12),
  lyricAttentionMask: Tensor.ones([2, 4], "int64"),
  referAudioAcousticHiddenStatesPacked: noise(2, 6, 4),
  referAudioOrderMask: [0, 1],
};
testModel(AceStepConditionEncoder, {
  folder: fixture("models/AceStepConditionEncoder/plain"),
  call: async (model) => (await model.forward(conditions)).encoderHiddenStates,
  refuses: [{
    call: (m) => m.forward({ ...conditions, referAudioOrderMask: [1, 1] }),
    error: TypeError,
    message: "give each row one",
  }],
});

testModel(AceStepAudioTokenizer, {
  folder: fixture("models/AceStepAudioTokenizer/plain"),
  call: async (model) => (await model.tokenize(noise(1, 7, 4))).quantized,
  refuses: [{
    call: (m) => m.outputFromIndices(Tensor.ones([1, 3, 2], "int64")),
    error: TypeError,
    message: "they must be [rows, tokens, 1]",
  }],
});

testModel(AceStepAudioTokenDetokenizer, {
  folder: fixture("models/AceStepAudioTokenDetokenizer/plain"),
  call: (model) => model.forward(noise(1, 3, 16)),
  refuses: [{
    call: (m) => m.forward(noise(1, 3, 15)),
    error: TypeError,
    message: '"hidden_states" must be',
  }],
});
