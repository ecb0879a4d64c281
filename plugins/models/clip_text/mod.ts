/**
 * CLIPTextModel and CLIPTextModelWithProjection: the text encoders of Stable Diffusion. Radford et
 * al., "Learning Transferable Visual Models From Natural Language Supervision" (arXiv:2103.00020);
 * the classes of transformers.
 *
 * @example
 * ```ts ignore
 * import { CLIPTextModel, Tensor } from "@denoise/denoise";
 *
 * const encoder = await CLIPTextModel.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { subfolder: "text_encoder" },
 * );
 * const ids = Tensor.from([[49406, 1125, 539, 320, 2368, 49407]], undefined, "int64");
 * const { lastHiddenState } = await encoder.forward(ids);
 * ```
 *
 * @module
 */
import type { ModelClass, Tensor } from "@denoise/core";
import type { TextEncoder, TextEncoderOutput } from "@denoise/roles";
import { checkTokenCount, defineModel, nestedConfig, type Runner } from "@denoise/onnx";
import { type CLIPTextConfig, schema } from "./config.ts";
import { endsOfTexts, finalNorm, forward } from "./graphs.ts";

export type { CLIPTextConfig };

/** A loaded CLIPTextModel. */
export type CLIPTextModel = TextEncoder<CLIPTextConfig>;

/** A loaded CLIPTextModelWithProjection, which gives `textEmbeds` too. */
export type CLIPTextModelWithProjection = TextEncoder<CLIPTextConfig>;

/** The text encoder of Stable Diffusion 1.x and 2.x; `CLIPTextModel` of transformers. */
export const CLIPTextModel: ModelClass<CLIPTextModel> = textModel("CLIPTextModel");

/** The second text encoder of SDXL; `CLIPTextModelWithProjection` of transformers. */
export const CLIPTextModelWithProjection: ModelClass<CLIPTextModelWithProjection> = textModel(
  "CLIPTextModelWithProjection",
);

function textModel(className: string): ModelClass<TextEncoder<CLIPTextConfig>> {
  const projected = className.endsWith("WithProjection");
  return defineModel<CLIPTextConfig, TextEncoder<CLIPTextConfig>>({
    className,
    library: "transformers",
    schema,
    adapt: (config) => nestedConfig(config, "text_config"),
    rename: (stored) => stored.replace(/^(text_model\.)+/, ""),
    // a checkpoint of the whole of CLIP has the other tower too, and a text model may have a projection
    ignore: [
      /embeddings\.position_ids$/,
      /^vision_model\./,
      /^visual_projection\./,
      /^logit_scale$/,
      ...(projected ? [] : [/^text_projection\./]),
    ],
    graphs: { forward: forward(projected), finalNorm },
    methods: (model) => ({ forward: (ids, options) => encode(model, ids, projected, options) }),
  });
}

async function encode(
  model: Runner<CLIPTextConfig>,
  inputIds: Tensor,
  projected: boolean,
  options: Parameters<TextEncoder["forward"]>[1] = {},
): Promise<TextEncoderOutput> {
  const { num_hidden_layers: layers, max_position_embeddings: limit } = model.config;
  const { clipSkip, attentionMask, outputHiddenStates = false } = options;
  checkTokenCount(inputIds.dims[1]!, limit);
  if (
    clipSkip !== undefined && !(Number.isInteger(clipSkip) && clipSkip >= 0 && clipSkip <= layers)
  ) {
    throw new RangeError(
      `Cannot skip ${clipSkip} layers of a text encoder with ${layers}: clipSkip must be an ` +
        `integer from 0 to ${layers}`,
    );
  }
  const hidden = outputHiddenStates ? Array.from({ length: layers + 1 }, (_, i) => i) : [];
  const skipped = clipSkip === undefined ? [] : [layers - clipSkip];
  const names = [...new Set([...hidden, ...skipped])].map((i) => `hidden_state_${i}`);
  const result = await model.run("forward", {
    input_ids: inputIds,
    attention_mask: attentionMask,
    end_of_text: endsOfTexts(inputIds, model.config),
  }, {
    outputs: [
      "last_hidden_state",
      "pooler_output",
      ...(projected ? ["text_embeds"] : []),
      ...names,
    ],
  });
  const states = skipped.map((i) => result[`hidden_state_${i}`]!);
  const [early] = await Promise.all(
    states.map(async (state) => (await model.run("finalNorm", { states: state })).normal!),
  );
  return {
    lastHiddenState: early ?? result.last_hidden_state!,
    poolerOutput: result.pooler_output!,
    textEmbeds: result.text_embeds,
    hiddenStates: outputHiddenStates ? hidden.map((i) => result[`hidden_state_${i}`]!) : undefined,
  };
}
