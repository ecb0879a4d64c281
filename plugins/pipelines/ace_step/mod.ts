/**
 * AceStepPipeline: music of a description and lyrics with ACE-Step 1.5 (Gong et al., 2026, arXiv:2602.00744), stereo of
 * up to ten minutes. With `taskType` it repaints a part of a clip, makes a cover of it or of codes, takes a track out of
 * it, adds one or completes it; `referenceAudio` gives the timbre.
 *
 * Turbo models have guidance distilled into their weights: they make no use of `guidanceScale`, and warn of one above 1. Latents of clips
 * that are given are drawn from a generator of their own with the first seed of the call, as in diffusers after
 * `torch.manual_seed` with that seed. As in diffusers, texts of a batch are filled up to one length and the filling is
 * attended to: a clip depends on the texts beside its own where these are longer.
 *
 * Not covered: what plans a song by a language model
 * before it is made, which diffusers has not either.
 *
 * @example
 * ```ts ignore
 * import { AceStepPipeline } from "@denoise/denoise";
 *
 * const pipe = await AceStepPipeline.fromPretrained("ACE-Step/acestep-v15-xl-turbo-diffusers");
 * const { audios } = await pipe("a beautiful piano piece with soft melodies", {
 *   lyrics: "[verse]\nSoft notes in the morning light\n[chorus]\nMusic fills the air tonight",
 *   audioDuration: 30,
 *   bpm: 120,
 *   keyscale: "C major",
 *   seed: 0,
 * });
 * await audios[0].save("piano.wav"); // stereo, 48000 Hz
 * ```
 *
 * @module
 */
import {
  type AudioOutput,
  definePipeline,
  Generator,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  Tensor,
} from "@denoise/core";
import {
  audioOutput,
  type BatchNoise,
  batchNoise,
  denoise,
  describeRun,
  initialLatents,
  noPreview,
  type Prompt,
  retrieveTimesteps,
  shiftedSigmas,
  stepOptions,
} from "@denoise/diffusion";
import { type AceStepOptions, aceStepOptions, checkTask } from "./options.ts";
import { projectedGuidance } from "./projected_guidance.ts";
import { type AceStepComponents, latentsPerSecond } from "./roles.ts";
import { clipOf, codesOf, contextLatents, timbreLatents } from "./source.ts";
import { instructionOf, readLyrics, readPrompts, textsOf } from "./texts.ts";

export type { AceStepOptions, AceStepTask, AudioInput } from "./options.ts";
export type * from "./roles.ts";

/** What a call is given: a prompt or several, then options. */
export type AceStepArguments = [prompt?: Prompt, options?: AceStepOptions];

/** A loaded AceStepPipeline. */
export type AceStepPipeline = Pipeline<AceStepComponents, AceStepArguments, AudioOutput>;

const SECONDS = 60;

/** Text and lyrics to music with ACE-Step 1.5; `AceStepPipeline` of diffusers. */
export const AceStepPipeline: PipelineClass<
  AceStepComponents,
  AceStepArguments,
  AudioOutput
> = definePipeline({
  className: "AceStepPipeline",
  task: "text-to-audio",
  family: "ace-step",
  takesPrompt: true,
  makes: "audio",
  options: aceStepOptions,
  defaults: {
    numWaveformsPerPrompt: 1,
    audioDuration: SECONDS,
    numInferenceSteps: 8,
    shift: 3,
  },
  defaultLength: () => SECONDS,
  components: {
    vae: { kind: "model" },
    textEncoder: { kind: "model" },
    tokenizer: { kind: "tokenizer" },
    transformer: { kind: "model" },
    conditionEncoder: { kind: "model" },
    scheduler: { kind: "scheduler" },
    audioTokenizer: { kind: "model", optional: true },
    audioTokenDetokenizer: { kind: "model", optional: true },
  },
  async *generate(run, prompt, options) {
    const { vae, transformer, conditionEncoder, scheduler } = run.components;
    const { cfgIntervalStart = 0, cfgIntervalEnd = 1, audioCoverStrength = 1, signal } = options;
    const rate = latentsPerSecond(vae);
    const texts = textsOf(prompt, options);
    const count = texts.prompts.length;
    const guidanceScale = guidanceOf(run, options.guidanceScale);
    const codes = codesOf(run, options, count);
    const asked = options.taskType ?? "text2music";
    const task = codes !== undefined && asked === "text2music" ? "cover" : asked;
    checkTask(task, options, run.warn);

    const clip = await clipOf(run, "srcAudio", options.srcAudio);
    const reference = await clipOf(run, "referenceAudio", options.referenceAudio);
    const ofSource = codes === undefined
      ? clip && clip.dims[2]! / vae.config.sampling_rate
      : codes.length / rate;
    const audioDuration = options.audioDuration > 0 ? options.audioDuration : ofSource ?? SECONDS;
    const noise = batchNoise(count, options);
    const generator = ownGenerator(noise);
    const length = Math.ceil(audioDuration * rate);
    const source = { task, count, length, clip, codes, generator };
    const context = await contextLatents(run, source, options);
    const timbre = await timbreLatents(run, reference, count, generator);

    const lyrics = await readLyrics(run, texts, options);
    const encode = async (instruction: string) => {
      const text = await readPrompts(run, texts, instruction, { ...options, audioDuration });
      const { encoderHiddenStates } = await conditionEncoder.forward({
        ...{ textHiddenStates: text.states, textAttentionMask: text.mask },
        ...{ lyricHiddenStates: lyrics.states, lyricAttentionMask: lyrics.mask },
        referAudioAcousticHiddenStatesPacked: timbre,
        referAudioOrderMask: [...texts.prompts.keys()],
      });
      return encoderHiddenStates;
    };
    const conditions = await encode(options.instruction ?? instructionOf(task, options));
    const isBlended = task === "cover" && audioCoverStrength < 1;
    const plain = isBlended ? await encode(instructionOf("text2music")) : undefined;

    const sigmas = options.timesteps?.map(Math.fround) ??
      shiftedSigmas(options.numInferenceSteps, options.shift);
    const timesteps = retrieveTimesteps(scheduler, { sigmas });
    const { audio_acoustic_hidden_dim: channels } = transformer.config;
    const first = initialLatents(
      [count, context.dims[1]!, channels],
      noise,
      scheduler,
      options.latents,
    );
    const guide = projectedGuidance();
    const call = async (input: Tensor, timestep: number, states: Tensor, beside = context) => {
      const given = { encoderHiddenStates: states, contextLatents: beside, signal };
      return (await transformer.forward(input, timestep, given)).sample;
    };
    const against = conditionEncoder.nullConditionEmb.expand(conditions.dims);
    const guided = async (latents: Tensor, timestep: number) => {
      const twice = (x: Tensor, other = x) => Tensor.cat([x, other]);
      const both = await call(
        twice(latents),
        timestep,
        twice(conditions, against),
        twice(context),
      );
      const [wanted, unwanted] = both.chunk(2) as [Tensor, Tensor];
      return guide(wanted, unwanted, guidanceScale);
    };
    const { latents } = yield* denoise(first, {
      ...{ scheduler, timesteps, options, preview: noPreview },
      settings: stepOptions(scheduler, noise),
      async predict(latents, timestep) {
        const share = 1 - timestep;
        const isGuided = guidanceScale > 1 && share >= cfgIntervalStart && share <= cfgIntervalEnd;
        const velocity = isGuided
          ? await guided(latents, timestep)
          : await call(latents, timestep, conditions);
        if (plain === undefined) return velocity;
        const other = await call(latents, timestep, plain);
        return velocity.mul(audioCoverStrength).add(other.mul(1 - audioCoverStrength));
      },
    });

    if (options.outputType === "latent") return { images: [], audios: [], tensor: latents };
    const { sample } = await vae.decode(latents.permute([0, 2, 1]));
    const { bpm, keyscale, timesignature, shift, taskType } = options;
    const facts = {
      ...{ steps: timesteps.length, guidanceScale, shift, audioDuration, taskType },
      ...{ bpm, keyscale, timesignature },
    };
    const { numWaveformsPerPrompt: numImagesPerPrompt } = options;
    const described = describeRun(prompt, { numImagesPerPrompt }, facts, noise);
    const recipe = (index: number) => {
      const lyrics = texts.lyrics[index];
      const sung = lyrics === "" ? {} : { lyrics, vocalLanguage: texts.languages[index] };
      return { ...described(index), ...sung };
    };
    const { sampling_rate } = vae.config;
    return await audioOutput(run, evenlyLoud(sample), sampling_rate, options.outputType, recipe);
  },
});

/** The guidance of a call; turbo models need none. */
function guidanceOf(
  { components, warn }: PipelineRun<AceStepComponents>,
  scale: number | undefined,
): number {
  const { is_turbo, model_version } = components.transformer.config;
  if (!is_turbo && model_version !== "turbo") return scale ?? 7;
  if (scale === undefined || scale <= 1) return 1;
  warn(
    `guidanceScale ${scale} has no effect: guidance is distilled into the weights of turbo models`,
  );
  return 1;
}

/** What latents of given clips are drawn from, so that the noise is the same with and without them. */
function ownGenerator({ generator }: BatchNoise): Generator {
  const first = Array.isArray(generator) ? generator[0] : generator;
  return first instanceof Generator ? new Generator(first.initialSeed) : new Generator(0);
}

/** Each clip as loud as the next: its loudest sample is 1 dB below full scale. */
function evenlyLoud(samples: Tensor): Tensor {
  const peaks = (of: Tensor) => of.abs().max([1, 2], { keepDims: true });
  const within = samples.div(peaks(samples).clamp(1));
  return within.mul(peaks(within).clamp(1e-6).map((peak) => 10 ** (-1 / 20) / peak));
}
