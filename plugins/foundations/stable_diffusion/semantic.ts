import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import {
  checkPrompts,
  type Family,
  latentDims,
  type LatentOptions,
  planRun,
  type PromptOptions,
  type RunPlan,
} from "@denoise/diffusion";
import type { PromptSyntaxOptions } from "@denoise/prompt-syntax";
import type { UNetControl } from "./control_nets.ts";
import { encodeText } from "./encode_text.ts";
import type { SdModels } from "./sd.ts";
import { sdSize } from "./stable_diffusion.ts";
import { conditionOnText } from "./text_conditioning.ts";

/** A value for all edits, or a list with one for each. */
export type ForEdits<T> = T | readonly T[];

/** Options of a call whose image is edited by concepts on the way. */
export interface SemanticOptions {
  /** The concept to add, or several. No edit where it is left out or empty. */
  readonly editingPrompt?: string | readonly string[] | undefined;
  /** Text states of the concepts instead, float32 [edits, tokens, width]. */
  readonly editingPromptEmbeddings?: Tensor | undefined;
  /** Whether a concept is taken away. Defaults to false. */
  readonly reverseEditingDirection?: ForEdits<boolean> | undefined;
  /** How strong an edit is. Defaults to 5. */
  readonly editGuidanceScale?: ForEdits<number> | undefined;
  /** How many steps go by before an edit counts. Defaults to 10. */
  readonly editWarmupSteps?: ForEdits<number> | undefined;
  /** After how many steps an edit counts no more. Never by default. */
  readonly editCooldownSteps?: ForEdits<number> | undefined;
  /** Which share of the latents is left as it is, 0..1: those that the edit would change least. Defaults to 0.9. */
  readonly editThreshold?: ForEdits<number> | undefined;
  /** How much of the momentum is added in each step. Defaults to 0.1. */
  readonly editMomentumScale?: number | undefined;
  /** How much of the momentum is kept from step to step. Defaults to 0.4. */
  readonly editMomBeta?: number | undefined;
  /** What each edit weighs. Defaults to 1 for each. */
  readonly editWeights?: readonly number[] | undefined;
  /** Guidance that is added as it is, float32 [N or 1, 4, h, w] for each step. */
  readonly semGuidance?: readonly Tensor[] | undefined;
}

/** The declarations of {@linkcode SemanticOptions}. */
export const semanticOptions: CallOptions<SemanticOptions> = {
  editingPrompt: { type: "string", list: "allowed" },
  editingPromptEmbeddings: { type: "tensor" },
  reverseEditingDirection: { type: "boolean", list: "allowed" },
  editGuidanceScale: { type: "number", list: "allowed" },
  editWarmupSteps: { type: "integer", list: "allowed", minimum: 0, cost: "none" },
  editCooldownSteps: { type: "integer", list: "allowed", minimum: 0, cost: "none" },
  editThreshold: { type: "number", list: "allowed", minimum: 0, maximum: 1 },
  editMomentumScale: { type: "number" },
  editMomBeta: { type: "number" },
  editWeights: { type: "number", list: "required" },
  semGuidance: { type: "tensor", list: "required" },
};

/** The defaults of {@linkcode SemanticOptions}. */
export const semanticDefaults = {
  reverseEditingDirection: false,
  editGuidanceScale: 5,
  editWarmupSteps: 10,
  editThreshold: 0.9,
  editMomentumScale: 0.1,
  editMomBeta: 0.4,
} as const satisfies SemanticOptions;

/** The components that the family reads. */
export type SemanticModels = Omit<SdModels, "imageEncoder" | "featureExtractor">;

/** One edit of a call. */
interface Edit {
  /** The guidance scale, negative to take the concept away. */
  readonly scale: number;
  readonly warmup: number;
  readonly cooldown: number;
  readonly threshold: number;
  readonly weight: number;
}

/**
 * Semantic guidance with Stable Diffusion 1.x and 2.x: beside the prompt, the denoiser is guided towards and away
 * from concepts, each where it changes the latents most. Brack et al., "SEGA: Instructing Text-to-Image Models using
 * Semantic Guidance" (arXiv:2301.12247), equations 3 to 9.
 */
export const semantic: Family<
  SemanticModels,
  LatentOptions & SemanticOptions & PromptOptions & PromptSyntaxOptions & {
    readonly guidanceScale?: number | undefined;
  },
  UNetControl
> = {
  name: "stable-diffusion-semantic",
  size: sdSize,
  async encode(run, prompt, options) {
    checkPrompts(prompt, options);
    const { unet, vae, scheduler } = run.components;
    const { signal, semGuidance } = options;
    const text = await conditionOnText(run, prompt, options);
    const { count, guidance, guidanceScale } = text;
    const concepts = await conceptsOf(run, options);
    if (concepts !== undefined) checkStates(concepts, text.encoderHiddenStates.dims.slice(1));
    if (semGuidance !== undefined) {
      const dims = latentDims(vae, count, sdSize(run.components, options));
      checkGuidance(semGuidance, planRun(scheduler, options), dims);
    }
    if (!guidance && (concepts !== undefined || semGuidance !== undefined)) {
      run.warn(
        `Edits have no effect without guidance: give a guidanceScale above 1 for a model that is not distilled; it is ${guidanceScale}`,
      );
    }
    const edits = guidance && concepts !== undefined ? editsOf(options, concepts.dims[0]!) : [];
    const encoderHiddenStates = edits.length === 0
      ? text.encoderHiddenStates
      : Tensor.cat([text.encoderHiddenStates, concepts!.repeatInterleave(count, 0)]);
    const conditioning = { encoderHiddenStates, timestepCond: text.timestepCond, signal };
    const editing = new Editing(edits, options);
    return {
      count,
      facts: { guidanceScale, ...factsOf(options, edits) },
      denoiser: () => async ({ input, timestep, index }) => {
        if (!guidance) return (await unet.forward(input, timestep, conditioning)).sample;
        const parts = 2 + edits.length;
        const { sample } = await unet.forward(
          Tensor.cat(Array(parts).fill(input)),
          timestep,
          conditioning,
        );
        const [uncond, positive, ...noises] = sample.chunk(parts) as [Tensor, Tensor, ...Tensor[]];
        const byText = positive.sub(uncond).mul(guidanceScale);
        const edited = editing.add(byText, noises.map((noise) => noise.sub(uncond)), index);
        const own = semGuidance?.[index];
        return uncond.add(own === undefined ? edited : edited.add(own));
      },
    };
  },
};

function checkStates({ dims }: Tensor, wanted: readonly number[]): void {
  if (dims.length === 3 && String(dims.slice(1)) === String(wanted)) return;
  throw new TypeError(
    `Cannot edit by states of shape [${
      dims.join(", ")
    }]: editingPromptEmbeddings must have [edits, ${wanted.join(", ")}]`,
  );
}

function checkGuidance(
  given: readonly Tensor[],
  { timesteps: { length } }: RunPlan,
  [count, ...one]: readonly number[],
): void {
  if (given.length < length) {
    throw new RangeError(
      `Cannot guide ${length} steps by ${given.length} tensors: semGuidance must have one for each`,
    );
  }
  for (const { dims } of given.slice(0, length)) {
    const [rows, ...rest] = dims;
    if ((rows === 1 || rows === count) && String(rest) === String(one)) continue;
    throw new TypeError(
      `Cannot guide by a tensor of shape [${dims.join(", ")}]: semGuidance must have [${count}, ${
        one.join(", ")
      }]`,
    );
  }
}

/** States of the concepts, float32 [edits, tokens, width]; undefined where there are none. */
async function conceptsOf(
  { components: { tokenizer, textEncoder }, warn }: PipelineRun<SemanticModels>,
  { editingPrompt, editingPromptEmbeddings: given }: SemanticOptions,
): Promise<Tensor | undefined> {
  const prompts = typeof editingPrompt === "string" ? [editingPrompt] : editingPrompt ?? [];
  if (prompts.length === 0 || editingPrompt === "") return given;
  if (given !== undefined) {
    throw new TypeError(
      "Cannot edit: give either editingPrompt or editingPromptEmbeddings, not both",
    );
  }
  const encoder = { tokenizer, textEncoder, warn };
  return (await encodeText(encoder, prompts, false, {})).promptEmbeds;
}

function editsOf(options: SemanticOptions, count: number): Edit[] {
  const { editGuidanceScale: scales, editThreshold: thresholds, editWarmupSteps: warmups } =
    options;
  const { reverseEditingDirection: reversed, editCooldownSteps: cooldowns, editWeights } = options;
  const of = <T>(name: keyof SemanticOptions, value: ForEdits<T>, i: number): T => {
    if (!(value instanceof Array)) return value;
    if (i < value.length) return value[i]!;
    throw new RangeError(
      `Cannot make ${count} edits with ${value.length} values of ${name}: give one for each edit`,
    );
  };
  return Array.from({ length: count }, (_, i) => {
    const scale = of("editGuidanceScale", scales ?? semanticDefaults.editGuidanceScale, i);
    return {
      scale: of("reverseEditingDirection", reversed ?? false, i) ? -scale : scale,
      warmup: of("editWarmupSteps", warmups ?? semanticDefaults.editWarmupSteps, i),
      cooldown: of("editCooldownSteps", cooldowns ?? Infinity, i),
      threshold: of("editThreshold", thresholds ?? semanticDefaults.editThreshold, i),
      weight: of("editWeights", editWeights ?? 1, i),
    };
  });
}

/** Edits of a run, which have a momentum. */
class Editing {
  readonly #edits: readonly Edit[];
  readonly #momentumScale: number;
  readonly #momentumBeta: number;
  #momentum: Tensor | undefined;

  constructor(edits: readonly Edit[], options: SemanticOptions) {
    this.#edits = edits;
    this.#momentumScale = options.editMomentumScale ?? semanticDefaults.editMomentumScale;
    this.#momentumBeta = options.editMomBeta ?? semanticDefaults.editMomBeta;
  }

  /**
   * Guidance by the text with that of the edits which have begun.
   *
   * @param towards For each edit what its concept adds to the unconditional prediction, float32 [N, C, h, w].
   */
  add(guidance: Tensor, towards: readonly Tensor[], index: number): Tensor {
    const edits = this.#edits;
    if (edits.length === 0) return guidance;
    const zeros = Tensor.zeros(guidance.dims);
    const parts = edits.map((edit, i) => {
      const weight = index < edit.cooldown ? Math.max(edit.weight, 0) : 0;
      return {
        weight,
        noise: weight > 0 ? strongest(towards[i]!.mul(edit.scale), edit.threshold) : zeros,
      };
    });
    const sum = (some: typeof parts, whole: number) =>
      some.reduce((so, { weight, noise }) => so.add(noise.mul(Math.fround(weight / whole))), zeros);
    const begun = parts.filter((_, i) => index >= edits[i]!.warmup);
    const momentum = this.#momentum ?? zeros;
    const edited = sum(parts, 1).add(momentum.mul(this.#momentumScale));
    this.#momentum = momentum.mul(this.#momentumBeta).add(edited.mul(1 - this.#momentumBeta));
    if (begun.length === parts.length) return guidance.add(edited);
    // while some have not begun, the others share all of the weight, and momentum only builds up
    const whole = begun.reduce((so, { weight }) => so + weight, 0);
    return whole > 0 ? guidance.add(sum(begun, whole)) : guidance;
  }
}

/** What is in absolute value at least the quantile of its channel, and zero elsewhere. */
function strongest(noise: Tensor, threshold: number): Tensor {
  const [count, channels, height, width] = noise.dims as [number, number, number, number];
  const data = noise.toFloat32Array();
  const area = height * width;
  const kept = new Float32Array(data.length);
  for (let plane = 0; plane < count * channels; plane++) {
    const values = data.subarray(plane * area, (plane + 1) * area);
    const least = quantile(values.map(Math.abs), threshold);
    values.forEach((x, i) => kept[plane * area + i] = Math.abs(x) >= least ? x : 0);
  }
  return new Tensor("float32", kept, noise.dims);
}

/** `torch.quantile` of float32: between two values it is interpolated linearly. */
function quantile(values: Float32Array, q: number): number {
  const f = Math.fround;
  const sorted = values.toSorted();
  const rank = f(f(q) * (sorted.length - 1));
  const [low, high] = [sorted[Math.floor(rank)]!, sorted[Math.ceil(rank)]!];
  const weight = f(rank - Math.floor(rank));
  return weight < 0.5
    ? f(low + f(weight * f(high - low)))
    : f(high - f(f(high - low) * f(1 - weight)));
}

/** What recipes say of the edits. */
function factsOf({ editingPrompt }: SemanticOptions, edits: readonly Edit[]) {
  if (edits.length === 0) return {};
  const told = (name: keyof Edit) => edits.map((edit) => edit[name]).join(", ");
  return {
    ...(editingPrompt === undefined ? {} : { editingPrompt: [editingPrompt].flat().join(" | ") }),
    ...{ editGuidanceScale: told("scale"), editThreshold: told("threshold") },
    ...{ editWarmupSteps: told("warmup"), editWeights: told("weight") },
  };
}
