/**
 * UNet2DConditionModel: the denoiser of Stable Diffusion 1.x, 2.x and XL and of latent consistency
 * models. A UNet whose levels attend to the states of a text; Rombach et al. (arXiv:2112.10752),
 * Podell et al. (arXiv:2307.01952).
 *
 * Covered are all levels that the reference can run: DownBlock2D, CrossAttnDownBlock2D, AttnDownBlock2D,
 * ResnetDownsampleBlock2D, SimpleCrossAttnDownBlock2D (Kandinsky 2, IF, UnCLIP), KDownBlock2D and
 * KCrossAttnDownBlock2D (the latent upscaler) with their counterparts; all embeddings of classes, texts,
 * sizes and images; masks; the guidance embedding of LCM; the residuals of ControlNets and
 * T2I-Adapters, the images of IP-Adapters, objects at places (GLIGEN), attention that is perturbed (PAG), and the
 * attention in the middle as an output (SAG). Skip blocks and dual cross attention are refused, with which the reference
 * builds models but cannot call them.
 *
 * @example
 * ```ts ignore
 * import { randn, UNet2DConditionModel } from "@denoise/denoise";
 *
 * const unet = await UNet2DConditionModel.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { subfolder: "unet" },
 * );
 * const encoderHiddenStates = randn([1, 77, 768]);
 * const { sample } = await unet.forward(randn([1, 4, 64, 64]), 999, { encoderHiddenStates });
 * ```
 *
 * @module
 */
import { type FrozenConfig, type ModelClass, Tensor } from "@denoise/core";
import type { Denoiser, DenoiserOptions } from "@denoise/roles";
import { defineModel } from "@denoise/onnx";
import {
  imageProjections,
  imagePromptKind,
  isKBlock,
  todaysAttentionName,
} from "@denoise/onnx/blocks";
import { check, schema, type UNet2DConditionConfig } from "./config.ts";
import { build, buildAttended } from "./graph.ts";
import { groundingInputs } from "./grounding.ts";
import { imageMaskInputs } from "./image_masks.ts";
import { inputs, takesImage, takesText } from "./ports.ts";
import { checkMiddleAttention, perturbedInputs } from "./self_attention.ts";

export type { UNet2DConditionConfig };

/** A loaded UNet2DConditionModel: `forward(sample, timestep, options)` gives `{ sample }`. */
export type UNet2DConditionModel = Denoiser<UNet2DConditionConfig>;

/** The class of UNets that follow a text; `UNet2DConditionModel` of diffusers. */
export const UNet2DConditionModel: ModelClass<UNet2DConditionModel> = defineModel<
  UNet2DConditionConfig,
  UNet2DConditionModel
>({
  className: "UNet2DConditionModel",
  schema,
  check,
  rename: todaysAttentionName,
  graphs: {
    forward: { inputs, build },
    attended: { inputs, build: buildAttended, isVariant: true },
  },
  methods: (model) => ({
    imagePrompts: () =>
      imageProjections(model.added).map((path) =>
        imagePromptKind((name) => model.added(`${path}.${name}`))
      ),
    async forward(sample, timestep, options = {}) {
      const inputs = inputsOf(model.config, sample, timestep, options);
      const { prediction } = await model.run("forward", inputs, { signal: options.signal });
      return { sample: prediction! };
    },
    async forwardAttended(sample, timestep, options = {}) {
      checkMiddleAttention(model.config);
      const inputs = inputsOf(model.config, sample, timestep, options);
      const result = await model.run("attended", inputs, { signal: options.signal });
      return { sample: result.prediction!, middleAttention: result.middle_attention! };
    },
  }),
});

/** What the graphs are given for a call. */
function inputsOf(
  config: FrozenConfig<UNet2DConditionConfig>,
  sample: Tensor,
  timestep: number | readonly number[],
  options: DenoiserOptions,
): Numbered {
  checkSides(config, sample);
  const times = [timestep].flat();
  const rows = times.length === 1 ? Array(sample.dims[0]).fill(times[0]) : times;
  return {
    sample,
    timestep: Tensor.from(Float32Array.from(rows)),
    encoder_hidden_states: takesText(config) ? options.encoderHiddenStates : undefined,
    encoder_attention_mask: maskTensor(options.encoderAttentionMask),
    attention_mask: maskTensor(options.attentionMask),
    timestep_cond: options.timestepCond,
    class_labels: options.classLabels,
    text_embeds: options.textEmbeds,
    time_ids: options.timeIds,
    hint: options.hint,
    ...imageInputs(config, options),
    ...numbered("image_states", options.imageStates),
    ...numbered("down_residual", options.downBlockAdditionalResiduals),
    ...numbered("intrablock_residual", intrablock(config, options)),
    mid_residual: options.midBlockAdditionalResidual,
    ...(options.imageMasks && imageMaskInputs(config, options.imageMasks, sample)),
    ...(options.perturbation && perturbedInputs(config, options.perturbation)),
    ...(options.attendedRows && attendedRows(config, options.attendedRows)),
    ...(options.gligen && groundingInputs(config, options.gligen)),
  };
}

/** Levels in the manner of k-diffusion double what they have halved, and nothing else. */
function checkSides(config: UNet2DConditionConfig, { dims }: Tensor): void {
  if (!config.down_block_types.some(isKBlock)) return;
  const multiple = 2 ** (config.block_out_channels.length - 1);
  const [height = 0, width = 0] = dims.slice(2);
  if (height % multiple === 0 && width % multiple === 0) return;
  throw new RangeError(
    `Cannot run UNet2DConditionModel on ${width}x${height}: with ${
      config.down_block_types.at(-1)
    } ` +
      `both sides must be multiples of ${multiple}`,
  );
}

/** Levels in whose attentions rows can look at others. */
const LOOKING = /^((CrossAttn)?(Down|Up)Block2D|Resnet(Down|Up)sampleBlock2D)$/;

/** Which row each row looks at, as an input. */
function attendedRows(config: UNet2DConditionConfig, rows: readonly number[]): Numbered {
  const types = [...config.down_block_types, ...config.up_block_types];
  const other = types.find((type) => !LOOKING.test(type)) ??
    (config.mid_block_type?.includes("Simple") ? config.mid_block_type : undefined);
  if (other === undefined) return { attended_rows: Tensor.from([...rows], [rows.length], "int64") };
  throw new RangeError(
    `Cannot run UNet2DConditionModel with attendedRows: it has a ${other}, whose pixels look at their own image alone`,
  );
}

type Numbered = Record<string, Tensor | undefined>;

/** Tensors as the inputs NAME_0, NAME_1, ... */
function numbered(name: string, tensors: readonly (Tensor | undefined)[] = []): Numbered {
  return Object.fromEntries(tensors.map((tensor, i) => [`${name}_${i}`, tensor]));
}

/** The vector of an image, or what each IP-Adapter is given. */
function imageInputs(config: UNet2DConditionConfig, { imageEmbeds }: DenoiserOptions): Numbered {
  if (!takesImage(config)) return numbered("image_embeds", imageEmbeds);
  if (imageEmbeds === undefined || imageEmbeds.length === 1) {
    return { image_embeds: imageEmbeds?.[0] };
  }
  throw new TypeError(
    `Cannot run UNet2DConditionModel: it takes the vectors of one image, but imageEmbeds has ` +
      `${imageEmbeds.length} tensors`,
  );
}

/** Residuals inside of levels, the first for the first level that takes one; a last one in the middle. */
function intrablock(
  config: UNet2DConditionConfig,
  { downIntrablockAdditionalResiduals: residuals = [] }: DenoiserOptions,
): readonly Tensor[] {
  const places = config.down_block_types.length + 1;
  if (residuals.length <= places) return residuals;
  throw new TypeError(
    `Cannot run UNet2DConditionModel: there are ${residuals.length} ` +
      `downIntrablockAdditionalResiduals; it takes at most ${places}`,
  );
}

/** A mask of any type of numbers as float32. */
function maskTensor(mask: Tensor | undefined): Tensor | undefined {
  return mask && new Tensor("float32", mask.toFloat32Array(), mask.dims);
}
