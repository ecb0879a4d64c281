/**
 * UVit2DModel: guesses the tokens of an image that are masked, given a text. A transformer between blocks of
 * convolutions, as in Hoogeboom et al., "simple diffusion" (arXiv:2301.11093), on tokens of a codebook; the
 * denoiser of aMUSEd (Patil et al., arXiv:2401.01808).
 *
 * Not covered: `cross_attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { Tensor, UVit2DModel } from "@denoise/denoise";
 *
 * const transformer = await UVit2DModel.fromPretrained("amused/amused-256", {
 *   subfolder: "transformer",
 * });
 * const masked = Tensor.full([1, 16, 16], 8255, "int64");
 * const { logits } = await transformer.forward(masked, {
 *   encoderHiddenStates,
 *   pooledTextEmb,
 *   microConds: Tensor.from([[256, 256, 0, 0, 6]]),
 * });
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel } from "@denoise/onnx";
import { check, schema, type UVit2DConfig } from "./config.ts";
import { forward } from "./graph.ts";

export type { UVit2DConfig };

/** What a UVit2DModel is given beside tokens. */
export interface UVit2DOptions {
  /** States of the text, float32 [N, text tokens, encoder_hidden_size]. */
  readonly encoderHiddenStates: Tensor;
  /** The pooled text, float32 [N, cond_embed_dim]. */
  readonly pooledTextEmb: Tensor;
  /**
   * Width, height, the two coordinates of the crop and the aesthetic score of the images, float32 [N, 5]; as
   * many numbers as `micro_cond_embed_dim / micro_cond_encode_dim` says.
   */
  readonly microConds: Tensor;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded UVit2DModel. */
export interface UVit2DModel extends Model<UVit2DConfig> {
  /**
   * Scores of all ids at each place, float32 [N, codebook_size, h, w].
   *
   * @param inputIds Ids of tokens, those that are masked among them, int64 [N, h, w]. Where sides are halved
   * and doubled, odd ones come back larger by one.
   * @throws {RangeError} for ids that are not below `vocab_size`.
   */
  forward(inputIds: Tensor, options: UVit2DOptions): Promise<{ readonly logits: Tensor }>;
}

/** The denoiser of aMUSEd; `UVit2DModel` of diffusers. */
export const UVit2DModel: ModelClass<UVit2DModel> = defineModel<UVit2DConfig, UVit2DModel>({
  className: "UVit2DModel",
  schema,
  check,
  graphs: { forward },
  methods: (model) => ({
    async forward(inputIds, options) {
      checkTokens(inputIds, model.config);
      const { encoderHiddenStates, pooledTextEmb, microConds, signal } = options;
      const { logits } = await model.run("forward", {
        input_ids: inputIds,
        encoder_hidden_states: encoderHiddenStates,
        pooled_text_emb: pooledTextEmb,
        micro_conds: microConds,
      }, { signal });
      return { logits: logits! };
    },
  }),
});

function checkTokens(ids: Tensor, { vocab_size }: FrozenConfig<UVit2DConfig>): void {
  const outside = Array.from(ids.data, Number).find((id) => id < 0 || id >= vocab_size);
  if (outside === undefined) return;
  throw new RangeError(
    `Cannot embed token ${outside}: the UVit2DModel knows ids from 0 to ${vocab_size - 1}`,
  );
}
