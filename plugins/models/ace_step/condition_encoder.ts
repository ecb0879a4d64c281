import {
  type ConfigSchema,
  type FrozenConfig,
  type Model,
  type ModelClass,
  Tensor,
} from "@denoise/core";
import { defineModel, float32, int64 } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import { linear, slice, squeeze } from "@denoise/onnx/nn";
import {
  type AceStepLayersConfig,
  checkLayers,
  encoderLayers,
  layersOptions,
  rowFacts,
} from "./layers.ts";

/** Options of an AceStepConditionEncoder, as they stand in config.json. */
export interface AceStepConditionEncoderConfig extends AceStepLayersConfig {
  /** Width of the text encoder's states. */
  readonly text_hidden_dim: number;
  /** Channels of the latents. */
  readonly timbre_hidden_dim: number;
  /** Layers on the lyrics, whose types `layer_types` names. */
  readonly num_lyric_encoder_hidden_layers: number;
  /** Layers on the latents of a reference, near and full attention in turn. */
  readonly num_timbre_encoder_hidden_layers: number;
}

const schema: ConfigSchema<AceStepConditionEncoderConfig> = {
  ...layersOptions,
  text_hidden_dim: 1024,
  timbre_hidden_dim: 64,
  num_lyric_encoder_hidden_layers: 8,
  num_timbre_encoder_hidden_layers: 4,
};

/** What an AceStepConditionEncoder is given. */
export interface AceStepConditions {
  /** States of the descriptions, float32 [N, text tokens, text_hidden_dim]. */
  readonly textHiddenStates: Tensor;
  /** int64 [N, text tokens], 1 for those that count. */
  readonly textAttentionMask: Tensor;
  /** Embeddings of the lyrics, float32 [N, tokens, text_hidden_dim]. */
  readonly lyricHiddenStates: Tensor;
  /** int64 [N, tokens], 1 for those that count. */
  readonly lyricAttentionMask: Tensor;
  /** Latents of references, float32 [references, length, timbre_hidden_dim]. */
  readonly referAudioAcousticHiddenStatesPacked: Tensor;
  /** For each reference the row whose timbre it is; each row has one at least. */
  readonly referAudioOrderMask: readonly number[];
}

/** What is attended to of conditions. */
export interface AceStepEncodedConditions {
  /**
   * Lyrics, timbre and text, what counts first, float32 [N, lyrics + timbres + text tokens, hidden_size].
   */
  readonly encoderHiddenStates: Tensor;
  /** int64 of the same rows, 1 for what counts. */
  readonly encoderAttentionMask: Tensor;
}

/** A loaded AceStepConditionEncoder. */
export interface AceStepConditionEncoder extends Model<AceStepConditionEncoderConfig> {
  /** What stands for no condition, float32 [1, 1, hidden_size]. */
  readonly nullConditionEmb: Tensor;
  /** Latents of silence, ten minutes in the released models, float32 [1, 15000, timbre_hidden_dim]. */
  readonly silenceLatent: Tensor;
  /**
   * Text, lyrics and timbre as the denoiser takes them.
   *
   * @throws {TypeError} for references that do not go with the rows.
   */
  forward(conditions: AceStepConditions): Promise<AceStepEncodedConditions>;
}

type Config = FrozenConfig<AceStepConditionEncoderConfig>;

const SILENCE = "silence_latent";
const NULL = "null_condition_emb";

/** What ACE-Step's denoiser is given of words and timbre; `AceStepConditionEncoder` of diffusers. */
export const AceStepConditionEncoder: ModelClass<AceStepConditionEncoder> = defineModel<
  AceStepConditionEncoderConfig,
  AceStepConditionEncoder
>({
  className: "AceStepConditionEncoder",
  schema,
  check: (config) =>
    checkLayers("AceStepConditionEncoder", config, config.num_lyric_encoder_hidden_layers),
  constants: () => [SILENCE, NULL],
  idle: () => ["timbre_encoder.special_token"],
  graphs: {
    forward: {
      inputs: ({ text_hidden_dim: width, timbre_hidden_dim: channels }) => ({
        text_hidden_states: float32("batch", "text", width),
        lyric_hidden_states: float32("batch", "lyrics", width),
        lyric_attention_mask: int64("batch", "lyrics"),
        refer_audio: float32("references", "length", channels),
      }),
      build: (s, config, inputs) => ({
        text: linear(s.at("text_projector"), inputs.text_hidden_states!, { bias: false }),
        lyrics: lyrics(
          s.at("lyric_encoder"),
          inputs.lyric_hidden_states!,
          inputs.lyric_attention_mask!,
          config,
        ),
        timbre: timbre(s.at("timbre_encoder"), inputs.refer_audio!, config),
      }),
    },
  },
  methods: (model, constants) => ({
    nullConditionEmb: constants[NULL]!,
    silenceLatent: constants[SILENCE]!,
    async forward(conditions) {
      const { textAttentionMask, lyricAttentionMask, referAudioOrderMask: order } = conditions;
      checkOrder(order, conditions);
      const made = await model.run("forward", {
        text_hidden_states: conditions.textHiddenStates,
        lyric_hidden_states: conditions.lyricHiddenStates,
        lyric_attention_mask: lyricAttentionMask,
        refer_audio: conditions.referAudioAcousticHiddenStatesPacked,
      });
      const timbres = byRow(made.timbre!, order);
      return countedFirst([
        { states: made.lyrics!, mask: lyricAttentionMask },
        timbres,
        { states: made.text!, mask: textAttentionMask },
      ]);
    },
  }),
});

/** `AceStepLyricEncoder`. */
function lyrics(s: Scope, states: Value, mask: Value, config: Config): Value {
  const x = linear(s.at("embed_tokens"), states);
  const layers = config.num_lyric_encoder_hidden_layers;
  return encoderLayers(s, x, { config, layers, facts: rowFacts(s, x, config, { mask }) });
}

/** The first token of each reference, [references, C] (`AceStepTimbreEncoder`). */
function timbre(s: Scope, latents: Value, config: Config): Value {
  const x = linear(s.at("embed_tokens"), latents);
  const layers = config.num_timbre_encoder_hidden_layers;
  const facts = rowFacts(s, x, config, { types: null });
  return squeeze(s, slice(s, encoderLayers(s, x, { config, layers, facts }), 1, 0, 1), [1]);
}

function checkOrder(
  order: readonly number[],
  { textHiddenStates, referAudioAcousticHiddenStatesPacked: references }: AceStepConditions,
): void {
  const [rows, count] = [textHiddenStates.dims[0]!, references.dims[0]!];
  const isWhole = order.length === count && order.every((row) => row >= 0 && row < rows) &&
    Array.from({ length: rows }).every((_, row) => order.includes(row));
  if (isWhole) return;
  throw new TypeError(
    `Cannot encode conditions of ${rows} rows with ${count} references of rows [${
      order.join(", ")
    }]: ` +
      "name the row of each reference, and give each row one",
  );
}

/** Tokens of which some count. */
interface Part {
  /** float32 [N, tokens, C]. */
  readonly states: Tensor;
  /** [N, tokens]. */
  readonly mask: Tensor;
}

/** The timbres of each row one after the other, filled up with zeros (`unpack_timbre_embeddings`). */
function byRow(timbres: Tensor, order: readonly number[]): Part {
  const width = timbres.dims[1]!;
  const rows = Math.max(...order) + 1;
  const own = Array.from(
    { length: rows },
    (_, row) => [...order.keys()].filter((at) => order[at] === row),
  );
  const most = Math.max(...own.map(({ length }) => length));
  const from = timbres.toFloat32Array();
  const states = new Float32Array(rows * most * width);
  const mask = new BigInt64Array(rows * most);
  for (const [row, list] of own.entries()) {
    for (const [place, at] of list.entries()) {
      states.set(from.subarray(at * width, (at + 1) * width), (row * most + place) * width);
      mask[row * most + place] = 1n;
    }
  }
  return {
    states: new Tensor("float32", states, [rows, most, width]),
    mask: new Tensor("int64", mask, [rows, most]),
  };
}

/** Parts one after the other, in each row what counts before what does not (`_pack_sequences`). */
function countedFirst(parts: readonly Part[]): AceStepEncodedConditions {
  const states = Tensor.cat(parts.map((part) => part.states), 1);
  const [rows, length, width] = states.dims as [number, number, number];
  const from = states.toFloat32Array();
  const counts = Tensor.cat(parts.map((part) => part.mask), 1).toFloat32Array();
  const packed = new Float32Array(from.length);
  const mask = new BigInt64Array(rows * length);
  for (let row = 0; row < rows; row++) {
    const places = Array.from({ length }, (_, i) => row * length + i);
    const counted = places.filter((place) => counts[place] !== 0);
    const order = [...counted, ...places.filter((place) => counts[place] === 0)];
    for (const [i, place] of order.entries()) {
      const at = row * length + i;
      packed.set(from.subarray(place * width, (place + 1) * width), at * width);
      mask[at] = i < counted.length ? 1n : 0n;
    }
  }
  return {
    encoderHiddenStates: new Tensor("float32", packed, states.dims),
    encoderAttentionMask: new Tensor("int64", mask, [rows, length]),
  };
}
