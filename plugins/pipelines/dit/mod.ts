/**
 * DiTPipeline: images of the classes of ImageNet with DiT (Peebles and Xie, 2022, arXiv:2212.09748).
 *
 * @example
 * ```ts ignore
 * import { DiTPipeline } from "@denoise/denoise";
 *
 * const pipe = await DiTPipeline.fromPretrained("facebook/DiT-XL-2-256");
 * const { images } = await pipe({ classLabels: ["white shark", "umbrella"], seed: 33 });
 * ```
 *
 * @module
 */
import {
  type CallOptions,
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  randnTensor,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  batchNoise,
  finishLatents,
  finishStep,
  latentSpace,
  previewLatents,
  retrieveTimesteps,
  stepOptions,
} from "@denoise/diffusion";
import type { Autoencoder, Denoiser } from "@denoise/roles";

/** What pipelines read of a DiT's config. */
export interface DiTDenoiserConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Height and width of the latents. */
  readonly sample_size: number;
  /** How many classes there are. */
  readonly num_embeds_ada_norm: number;
}

/** What a DiT is called with beside latents and timestep. */
export interface DiTDenoiserOptions {
  /** The class of each row, int64 [N]. */
  readonly classLabels: Tensor;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What a DiTPipeline consists of. */
export interface DiTComponents {
  /** DiTTransformer2DModel. */
  readonly transformer: Denoiser<DiTDenoiserConfig, DiTDenoiserOptions>;
  /** AutoencoderKL of 4 channels. */
  readonly vae: Autoencoder;
  /** DDIMScheduler, or another one for the trained noise. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface DiTOptions extends RunOptions {
  /** For each image its class: the number, or one of the words that the repo has for it (`id2label`). */
  readonly classLabels: readonly (number | string)[];
  /** How closely the image follows the class. Defaults to 4; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Own noise to begin with, float32 [N, C, s, s]. */
  readonly latents?: Tensor | undefined;
}

const options: CallOptions<DiTOptions> = {
  ...runOptions,
  classLabels: { type: "any", required: true, cost: "images" },
  guidanceScale: { type: "number" },
  numInferenceSteps: { type: "integer", minimum: 1 },
  latents: { type: "tensor" },
};

/** A loaded DiTPipeline. */
export type DiTPipeline = Pipeline<DiTComponents, [options: DiTOptions], ImageOutput>;

/** Images of classes; `DiTPipeline` of diffusers. */
export const DiTPipeline: PipelineClass<DiTComponents, [options: DiTOptions], ImageOutput> =
  definePipeline({
    className: "DiTPipeline",
    task: "class-conditional-image-generation",
    family: "dit",
    options,
    defaults: { guidanceScale: 4, numInferenceSteps: 50 },
    components: {
      transformer: { kind: "model" },
      vae: { kind: "model" },
      scheduler: { kind: "scheduler" },
    },
    settings: { id2label: {} },
    defaultSize({ transformer, vae }) {
      const side = transformer.config.sample_size * latentSpace(vae).factor;
      return { height: side, width: side };
    },
    async *generate(run, given: DiTOptions) {
      const { transformer, scheduler } = run.components;
      const { guidanceScale = 4, numInferenceSteps = 50, outputType, signal } = given;
      const { in_channels: channels, sample_size: side } = transformer.config;
      const labels = labelIds(run, given.classLabels);
      const noise = batchNoise(labels.length, given);
      const dims = [labels.length, channels, side, side];
      if (given.latents !== undefined && String(given.latents.dims) !== String(dims)) {
        throw new TypeError(
          `Cannot start from latents of shape [${
            given.latents.dims.join(", ")
          }]: this call needs ` +
            `[${dims.join(", ")}]`,
        );
      }
      const start = given.latents ?? randnTensor(dims, noise.generator);
      const guided = guidanceScale > 1;
      const none = guided ? labels.map(() => transformer.config.num_embeds_ada_norm) : [];
      const classLabels = Tensor.from([...labels, ...none], undefined, "int64");
      const timesteps = retrieveTimesteps(scheduler, { numInferenceSteps });
      const recipe = (i: number) => ({
        seed: noise.seedOf(i)?.toString(),
        steps: numInferenceSteps,
        guidanceScale,
        classLabel: labels[i],
      });
      const predict = async (input: Tensor, timestep: number) => {
        const { sample } = await transformer.forward(
          guided ? Tensor.cat([input, input]) : input,
          timestep,
          { classLabels, signal },
        );
        // a second half of the channels tells a variance, which is left out
        const made = sample.slice(1, 0, channels);
        if (!guided) return made;
        const [wanted, unwanted] = made.chunk(2) as [Tensor, Tensor];
        return unwanted.add(wanted.sub(unwanted).mul(guidanceScale));
      };
      const settings = stepOptions(scheduler, noise);
      let latents = start;
      for (const [index, timestep] of timesteps.entries()) {
        // diffusers steps on from the latents as they are scaled for the model
        const input = scheduler.scaleModelInput(latents, timestep);
        const stepped = scheduler.step(await predict(input, timestep), timestep, input, settings);
        const step = {
          index,
          total: timesteps.length,
          timestep,
          latents: stepped.prevSample,
          denoised: stepped.predOriginalSample,
          preview: () => previewLatents(run, stepped, recipe),
        };
        yield step;
        latents = await finishStep(step, given);
      }
      const { generator } = noise;
      return await finishLatents(run, latents, outputType, recipe, { generator });
    },
  });

/** The numbers of classes, which may be given by their words. */
function labelIds(
  { components: { transformer }, settings }: PipelineRun<DiTComponents>,
  labels: DiTOptions["classLabels"],
): number[] {
  if (!Array.isArray(labels) || labels.length === 0) {
    throw new TypeError("Cannot choose classes: classLabels must be a list, such as [207, 360]");
  }
  const words = new Map(
    Object.entries(settings.id2label as Record<string, string>)
      .flatMap(([id, text]) => text.split(",").map((word) => [word.trim(), Number(id)])),
  );
  const classes = transformer.config.num_embeds_ada_norm;
  return labels.map((label: number | string) => {
    const id = typeof label === "string" ? words.get(label) : label;
    if (Number.isInteger(id) && id! >= 0 && id! < classes) return id!;
    throw new RangeError(
      `Cannot make an image of class ${JSON.stringify(label)}: classes are numbers from 0 to ` +
        `${classes - 1}` + (words.size === 0 ? "" : ", or words of the repo's id2label"),
    );
  });
}
