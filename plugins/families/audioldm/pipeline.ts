import { type AudioOutput, definePipeline, type Pipeline, type PipelineClass } from "@denoise/core";
import { textToAudioOptions } from "@denoise/diffusion";
import type { AudioLDMArguments, AudioLDMComponents } from "./components.ts";
import { audioLengths } from "./lengths.ts";
import { textVectors } from "./prompts.ts";
import { audioOfSpectrograms } from "./spectrograms.ts";

/** A loaded pipeline that is conditioned on CLAP's vector of the text. */
export type AudioLDM = Pipeline<AudioLDMComponents, AudioLDMArguments, AudioOutput>;

/** The class of {@linkcode AudioLDM}. */
export type AudioLDMClass = PipelineClass<AudioLDMComponents, AudioLDMArguments, AudioOutput>;

/** What one class does otherwise than the other. */
export interface AudioLDMDefaults {
  /** Denoising steps. */
  readonly numInferenceSteps: number;
  /** How closely the audio follows the prompt. */
  readonly guidanceScale: number;
}

/** Text to audio by CLAP's vector of the text, which the UNet takes as class label. */
export function audioLDMPipeline(className: string, defaults: AudioLDMDefaults): AudioLDMClass {
  return definePipeline({
    className,
    task: "text-to-audio",
    family: "audioldm",
    takesPrompt: true,
    makes: "audio",
    options: {
      ...textToAudioOptions,
      audioLengthInS: { type: "number" },
    },
    defaults: { ...defaults, numWaveformsPerPrompt: 1 },
    defaultLength: (components) => audioLengths(components).seconds,
    components: {
      vae: { kind: "model" },
      textEncoder: { kind: "model" },
      tokenizer: { kind: "tokenizer" },
      unet: { kind: "model" },
      scheduler: { kind: "scheduler" },
      vocoder: { kind: "model" },
    },
    async *generate(run, prompt, options) {
      const { unet } = run.components;
      const guidance = options.guidanceScale > 1;
      audioLengths(run.components, options.audioLengthInS); // what cannot be made is refused first
      const classLabels = await textVectors(run, prompt, { ...options, guidance });
      const { signal } = options;
      return yield* audioOfSpectrograms(run, {
        ...{ prompt, count: classLabels.dims[0]! / (guidance ? 2 : 1) },
        predict: (latents, timestep) => unet.forward(latents, timestep, { classLabels, signal }),
      }, options);
    },
  });
}
