/**
 * UNet2DModel: a UNet that takes a noisy image and the time, and predicts the noise, for images
 * without a text. Ronneberger et al. (arXiv:1505.04597), with the residual and attention blocks of
 * Ho et al. (arXiv:2006.11239).
 *
 * Covered are all levels that work in the reference: DownBlock2D, AttnDownBlock2D,
 * ResnetDownsampleBlock2D, SkipDownBlock2D, AttnSkipDownBlock2D and KDownBlock2D with their
 * counterparts; positional, Fourier and learned time embeddings, and class embeddings.
 *
 * @example
 * ```ts ignore
 * import { randn, UNet2DModel } from "@denoise/denoise";
 *
 * const model = await UNet2DModel.fromPretrained("google/ddpm-cat-256");
 * const noise = randn([1, 3, 256, 256]);
 * const { sample } = await model.forward(noise, 2);
 * ```
 *
 * @module
 */
import { type FrozenConfig, type ModelClass, Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import { defineModel, float32, int64, type Port, timesteps } from "@denoise/onnx";
import {
  todaysAttentionName,
  unet2d,
  type UNet2DConfig,
  unet2dTimeWidth,
} from "@denoise/onnx/blocks";
import { check, schema } from "./config.ts";
import { classLabelsOf } from "./class_labels.ts";

export type { UNet2DConfig };

/** A loaded UNet2DModel: `forward(sample, timestep)` gives `{ sample }`. */
export type UNet2DModel = Denoiser<UNet2DConfig>;

/** The class of unconditional UNets; `UNet2DModel` of diffusers. */
export const UNet2DModel: ModelClass<UNet2DModel> = defineModel<UNet2DConfig, UNet2DModel>({
  className: "UNet2DModel",
  schema,
  check,
  rename: todaysAttentionName,
  graphs: {
    forward: {
      inputs,
      build: (s, config, inputs) => ({ prediction: unet2d(s, config, inputs) }),
    },
  },
  methods: (model) => ({
    async forward(sample, timestep, { classLabels, signal } = {}) {
      const times = [timestep].flat();
      checkTimesteps(model.config, times);
      const rows = times.length === 1 ? Array(sample.dims[0]).fill(times[0]) : times;
      const result = await model.run("forward", {
        sample,
        timestep: Tensor.from(Float32Array.from(rows)),
        class_labels: classLabels && classLabelsOf(model.config, classLabels),
      }, { signal });
      return { sample: result.prediction! };
    },
  }),
});

type Config = FrozenConfig<UNet2DConfig>;

/** @throws {RangeError} for a timestep that a learned table has no row for. */
function checkTimesteps(
  { time_embedding_type, num_train_timesteps }: Config,
  times: number[],
): void {
  if (time_embedding_type !== "learned") return;
  const rows = num_train_timesteps ?? 0;
  const unknown = times.find((t) => !(Number.isInteger(t) && t >= 0 && t < rows));
  if (unknown === undefined) return;
  throw new RangeError(
    `Cannot embed the timestep ${unknown}: this model learned the integers from 0 to ${rows - 1}`,
  );
}

function hasClasses({ class_embed_type, num_class_embeds }: Config): boolean {
  return class_embed_type !== null || num_class_embeds !== null;
}

function inputs(config: Config): Record<string, Port> {
  const labels = {
    none: int64("batch"),
    timestep: timesteps(),
    identity: float32("batch", unet2dTimeWidth(config)),
  };
  return {
    sample: float32("batch", config.in_channels, "height", "width"),
    timestep: timesteps(),
    ...(hasClasses(config) ? { class_labels: labels[config.class_embed_type ?? "none"] } : {}),
  };
}
