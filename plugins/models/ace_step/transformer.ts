import {
  boolean,
  type ConfigSchema,
  type FrozenConfig,
  maybe,
  type Model,
  type ModelClass,
  number,
  string,
  Tensor,
} from "@denoise/core";
import { defineModel, float32, timesteps, timestepTensor } from "@denoise/onnx";
import { modulate, tableModulation, timestepEmbedding, timestepWaves } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  conv1d,
  convTranspose1d,
  linear,
  mul,
  reshape,
  rmsNorm,
  silu,
  sub,
  transpose,
  unsqueeze,
} from "@denoise/onnx/nn";
import {
  type AceStepLayersConfig,
  attend,
  checkLayers,
  feed,
  layersOptions,
  type Masks,
  type RowFacts,
  rowFacts,
} from "./layers.ts";

/** Options of an AceStepTransformer1DModel, as they stand in config.json. */
export interface AceStepTransformerConfig extends AceStepLayersConfig {
  /** Number of layers. */
  readonly num_hidden_layers: number;
  /** Channels of the latents and of what is given beside them. */
  readonly in_channels: number;
  /** Channels of the latents. */
  readonly audio_acoustic_hidden_dim: number;
  /** How many latents are one token. */
  readonly patch_size: number;
  /** Width of what cross-attention attends to; null for that of the states. */
  readonly encoder_hidden_size: number | null;
  /** Whether guidance is distilled into the weights. */
  readonly is_turbo: boolean;
  /** Which of the released models it is, such as `"turbo"`. */
  readonly model_version: string | null;
}

const schema: ConfigSchema<AceStepTransformerConfig> = {
  ...layersOptions,
  num_hidden_layers: 24,
  in_channels: 192,
  audio_acoustic_hidden_dim: 64,
  patch_size: 2,
  encoder_hidden_size: maybe(number),
  is_turbo: boolean(false),
  model_version: maybe(string),
};

/** What an AceStepTransformer1DModel is given beside latents and timestep. */
export interface AceStepTransformerOptions {
  /** What {@linkcode AceStepConditionEncoder} made of text, lyrics and timbre, float32 [N, tokens, encoder_hidden_size]. */
  readonly encoderHiddenStates: Tensor;
  /**
   * Latents of a source, and for each of their channels 1 where audio is to be made and 0 where the source is kept,
   * float32 [N, length, in_channels - audio_acoustic_hidden_dim].
   */
  readonly contextLatents: Tensor;
  /** The time up to which a step goes, 0..1, for all rows or for each. Defaults to the timestep itself. */
  readonly timestepR?: number | readonly number[] | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded AceStepTransformer1DModel. */
export interface AceStepTransformer1DModel extends Model<AceStepTransformerConfig> {
  /**
   * The velocity from data to noise at each latent, float32 [N, length, audio_acoustic_hidden_dim].
   *
   * @param hiddenStates Latents, float32 [N, length, audio_acoustic_hidden_dim].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   * @throws {TypeError} for tensors that do not go with each other.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: AceStepTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<AceStepTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of ACE-Step 1.5; `AceStepTransformer1DModel` of diffusers. */
export const AceStepTransformer1DModel: ModelClass<AceStepTransformer1DModel> = defineModel<
  AceStepTransformerConfig,
  AceStepTransformer1DModel
>({
  className: "AceStepTransformer1DModel",
  schema,
  check: (config) => checkLayers("AceStepTransformer1DModel", config, config.num_hidden_layers),
  graphs: {
    forward: {
      inputs: (config) => {
        const { in_channels, audio_acoustic_hidden_dim: channels, hidden_size } = config;
        return {
          hidden_states: float32("batch", "length", channels),
          context_latents: float32("batch", "length", in_channels - channels),
          encoder_hidden_states: float32(
            "batch",
            "tokens",
            config.encoder_hidden_size ?? hidden_size,
          ),
          timestep: timesteps(),
          timestep_r: timesteps(),
        };
      },
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { encoderHiddenStates, contextLatents, timestepR = timestep, signal } = options;
      const [batch, length] = hiddenStates.dims as [number, number, number];
      const missing = (model.config.patch_size - length % model.config.patch_size) %
        model.config.patch_size;
      const { sample } = await model.run("forward", {
        hidden_states: longer(hiddenStates, missing),
        context_latents: longer(contextLatents, missing),
        encoder_hidden_states: encoderHiddenStates,
        timestep: timestepTensor(timestep, batch),
        timestep_r: timestepTensor(timestepR, batch),
      }, { signal });
      return { sample: missing === 0 ? sample! : sample!.slice(1, 0, length) };
    },
  }),
});

/** Rows with so many zeros more at their end. */
function longer(x: Tensor, missing: number): Tensor {
  if (missing === 0) return x;
  const [rows, , channels] = x.dims as [number, number, number];
  return Tensor.cat([x, Tensor.zeros([rows, missing, channels])], 1);
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, context_latents, encoder_hidden_states, timestep, timestep_r } = inputs;
  const { rms_norm_eps: eps, patch_size: stride } = config;
  const [temb, time] = embedTimes(s, timestep!, sub(s, timestep!, timestep_r!));
  const wide = transpose(s, concat(s, [context_latents!, hidden_states!], 2), [0, 2, 1]);
  const patches = conv1d(s.at("proj_in_conv"), wide, { stride }); // [N, C, tokens]
  let x = transpose(s, patches, [0, 2, 1]); // [N, tokens, C]
  const states = linear(s.at("condition_embedder"), encoder_hidden_states!);
  const facts = rowFacts(s, x, config);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    x = layer(s.at("layers", i), x, { time, states, facts, masks: facts.maskOf(i), config });
  }
  const [shift, scale] = tableModulation(s, unsqueeze(s, temb, [1]), 2) as [Value, Value];
  const normal = modulate(s, rmsNorm(s.at("norm_out"), x, { eps }), scale, shift);
  const out = convTranspose1d(s.at("proj_out_conv"), transpose(s, normal, [0, 2, 1]), { stride });
  return { sample: transpose(s, out, [0, 2, 1]) };
}

/**
 * The time, and how far the step goes from it, as one vector [N, C] and as what modulates the layers, [N, 6, C]
 * (`AceStepTimestepEmbedding`).
 */
function embedTimes(s: Scope, time: Value, span: Value): [temb: Value, modulation: Value] {
  const parts = ([["time_embed", time], ["time_embed_r", span]] as const).map(([name, x]) => {
    const embed = s.at(name);
    const temb = timestepEmbedding(embed, timestepWaves(s, mul(s, x, 1000)));
    const vectors = linear(embed.at("time_proj"), silu(s, temb)); // [N, 6·C]
    return [temb, reshape(s, vectors, [0, 6, -1])] as const;
  });
  const [[temb, vectors], [tembR, vectorsR]] = parts as unknown as [
    readonly [Value, Value],
    readonly [Value, Value],
  ];
  return [add(s, temb, tembR), add(s, vectors, vectorsR)];
}

/** Attention among latents and to the conditions, and a feed forward (`AceStepTransformerBlock`). */
function layer(
  s: Scope,
  x: Value,
  { time, states, facts, masks, config }: {
    readonly time: Value;
    readonly states: Value;
    readonly facts: RowFacts;
    readonly masks: Masks;
    readonly config: Config;
  },
): Value {
  const eps = config.rms_norm_eps;
  const normal = (name: string, of: Value) => rmsNorm(s.at(name), of, { eps });
  const [shift, scale, gate, shiftFf, scaleFf, gateFf] = tableModulation(s, time, 6) as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const own = modulate(s, normal("self_attn_norm", x), scale, shift);
  const seen = attend(s.at("self_attn"), own, { config, rotary: facts.rotary, masks });
  const attended = add(s, x, mul(s, seen, gate));
  const crossed = add(
    s,
    attended,
    attend(s.at("cross_attn"), normal("cross_attn_norm", attended), { config, states }),
  );
  const fed = feed(s.at("mlp"), modulate(s, normal("mlp_norm", crossed), scaleFf, shiftFf));
  return add(s, crossed, mul(s, fed, gateFf));
}
