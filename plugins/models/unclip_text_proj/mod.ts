/**
 * UnCLIPTextProjModel: makes what unCLIP's decoder is conditioned on of the vector of an image and of a text. Ramesh
 * et al., "Hierarchical Text-Conditional Image Generation with CLIP Latents" (arXiv:2204.06125), section 2.1.
 *
 * @example
 * ```ts ignore
 * import { UnCLIPTextProjModel } from "@denoise/denoise";
 *
 * const textProj = await UnCLIPTextProjModel.fromPretrained("kakaobrain/karlo-v1-alpha", {
 *   subfolder: "text_proj",
 * });
 * const { textEncoderHiddenStates, additiveClipTimeEmbeddings } = await textProj.forward({
 *   imageEmbeddings,
 *   promptEmbeds,
 *   textEncoderHiddenStates: states,
 *   doClassifierFreeGuidance: false,
 * });
 * ```
 *
 * @module
 */
import {
  type ConfigSchema,
  DenoiseError,
  maybe,
  type Model,
  type ModelClass,
  number,
  Tensor,
} from "@denoise/core";
import { defineModel, float32, type GraphDefinition } from "@denoise/onnx";
import { add, concat, layerNorm, linear, reshape, transpose } from "@denoise/onnx/nn";

/** Options of an UnCLIPTextProjModel, as they stand in config.json. */
export interface UnCLIPTextProjConfig {
  /** Tokens that are made of the vector of an image. */
  readonly clip_extra_context_tokens: number;
  /** Width of the vectors, and of the states of a text. */
  readonly clip_embeddings_dim: number;
  /** Width of what is added to the decoder's time embedding; it has to be given. */
  readonly time_embed_dim: number | null;
  /** Width of the decoder's tokens; it has to be given. */
  readonly cross_attention_dim: number | null;
}

/** What an UnCLIPTextProjModel is given. */
export interface UnCLIPTextProjInputs {
  /** Vectors of images, float32 [N, clip_embeddings_dim]. */
  readonly imageEmbeddings: Tensor;
  /** Vectors of texts, float32 [N, clip_embeddings_dim]; with guidance [2N, …], those of no text first. */
  readonly promptEmbeds: Tensor;
  /** States of texts, float32 [N or 2N, tokens, clip_embeddings_dim]. */
  readonly textEncoderHiddenStates: Tensor;
  /** Whether vectors that stand for no image are put before those of the images. */
  readonly doClassifierFreeGuidance: boolean;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** What an UnCLIPTextProjModel gives. */
export interface UnCLIPTextProjOutput {
  /** Tokens of the image before those of the text, float32 [N or 2N, more tokens, cross_attention_dim]. */
  readonly textEncoderHiddenStates: Tensor;
  /** What is added to the time embedding, float32 [N or 2N, time_embed_dim]. */
  readonly additiveClipTimeEmbeddings: Tensor;
}

/** A loaded UnCLIPTextProjModel. */
export interface UnCLIPTextProjModel extends Model<UnCLIPTextProjConfig> {
  /** What the decoder is conditioned on. */
  forward(inputs: UnCLIPTextProjInputs): Promise<UnCLIPTextProjOutput>;
}

const CLASS_NAME = "UnCLIPTextProjModel";

const schema: ConfigSchema<UnCLIPTextProjConfig> = {
  clip_extra_context_tokens: 4,
  clip_embeddings_dim: 768,
  time_embed_dim: maybe(number),
  cross_attention_dim: maybe(number),
};

function check(config: UnCLIPTextProjConfig): void {
  for (const option of ["time_embed_dim", "cross_attention_dim"] as const) {
    if (config[option] !== null) continue;
    throw new DenoiseError(
      "unsupported_option",
      `Cannot build ${CLASS_NAME} without ${option}: its config.json has to say how wide it is`,
    );
  }
}

/** The vector that stands for no image. */
const NONE = "learned_classifier_free_guidance_embeddings";

const forward: GraphDefinition<UnCLIPTextProjConfig> = {
  inputs: ({ clip_embeddings_dim: width }) => ({
    image_embeddings: float32("batch", width),
    prompt_embeds: float32("batch", width),
    text_encoder_hidden_states: float32("batch", "tokens", width),
  }),
  build(s, { clip_extra_context_tokens: extra }, inputs) {
    const { image_embeddings: image, prompt_embeds: prompt } = inputs;
    const time = add(
      s,
      linear(s.at("clip_image_embeddings_project_to_time_embeddings"), image!),
      linear(s.at("embedding_proj"), prompt!),
    ); // [N, time_embed_dim]
    const wide = linear(s.at("clip_extra_context_tokens_proj"), image!);
    const tokens = transpose(s, reshape(s, wide, [0, -1, extra]), [0, 2, 1]); // [N, extra, C]
    const states = linear(s.at("encoder_hidden_states_proj"), inputs.text_encoder_hidden_states!);
    const normal = layerNorm(s.at("text_encoder_hidden_states_norm"), states);
    return { states: concat(s, [tokens, normal], 1), time };
  },
};

/** What unCLIP's decoder is conditioned on; `UnCLIPTextProjModel` of diffusers. */
export const UnCLIPTextProjModel: ModelClass<UnCLIPTextProjModel> = defineModel<
  UnCLIPTextProjConfig,
  UnCLIPTextProjModel
>({
  className: CLASS_NAME,
  library: "unclip",
  layout: "diffusers",
  schema,
  check,
  constants: () => [NONE],
  graphs: { forward },
  methods: (model, constants) => ({
    async forward(inputs) {
      const { imageEmbeddings: given, doClassifierFreeGuidance: isGuided, signal } = inputs;
      const count = given.dims[0]!;
      const none = constants[NONE]!.unsqueeze(0).repeat([count, 1]);
      const { states, time } = await model.run("forward", {
        image_embeddings: isGuided ? Tensor.cat([none, given]) : given,
        prompt_embeds: inputs.promptEmbeds,
        text_encoder_hidden_states: inputs.textEncoderHiddenStates,
      }, { signal });
      return { textEncoderHiddenStates: states!, additiveClipTimeEmbeddings: time! };
    },
  }),
});
