/**
 * ZImageControlNetModel: a copy of some of Z-Image's layers that is given an image (edges, a pose, a depth map; from
 * version 2.0 on also what a mask leaves) and adds to what the layers of the transformer hand on, after Zhang, Rao
 * and Agrawala (arXiv:2302.05543). It has no embeddings of its own but takes those of the transformer.
 *
 * @example
 * ```ts ignore
 * import { ZImageControlNetModel, ZImageControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ZImageControlNetModel.fromPretrained(
 *   "hlky/Z-Image-Turbo-Fun-Controlnet-Union",
 * );
 * const pipe = await ZImageControlNetPipeline.fromPretrained("Tongyi-MAI/Z-Image-Turbo", {
 *   controlnet,
 * });
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, latentTokens, type Port } from "@denoise/onnx";
import {
  firstPositions,
  zImageBlock,
  type ZImageBlockOptions,
  zImageBlockOptions,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, concat, linear, mul, shapeOf } from "@denoise/onnx/nn";
import { check, schema, type ZImageControlNetConfig } from "./config.ts";

export type { ZImageControlNetConfig };

/** What a transformer shares with a ZImageControlNetModel: its inputs as tokens, float32. */
export interface ZImageControlEmbedding {
  /** The image's tokens, filled up, [N, tokens, dim]. */
  readonly tokens: Tensor;
  /** The refined text, filled up, [N, text tokens, dim]. */
  readonly text: Tensor;
  /** The timestep, [N, at most 256]. */
  readonly temb: Tensor;
  /** Positions of both, image first, [tokens, width of a head / 2]. */
  readonly cos: Tensor;
  /** Positions of both, image first, [tokens, width of a head / 2]. */
  readonly sin: Tensor;
}

/** The part of a ZImageTransformer2DModel that a ZImageControlNetModel works with. */
export interface ZImageShared {
  /** Latents, timestep and texts as tokens. */
  embed(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: {
      readonly encoderHiddenStates: readonly Tensor[];
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<ZImageControlEmbedding>;
  /** The image's tokens after the layers that see the image alone. */
  refine(
    embedding: ZImageControlEmbedding,
    hints: Readonly<Record<number, Tensor>>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Tensor>;
}

/** What a ZImageControlNetModel is given beside latents and timestep. */
export interface ZImageControlNetOptions {
  /** The transformer that it controls, some of whose layers it uses. */
  readonly transformer: ZImageShared;
  /** Latents of the control image, float32 [N, control_in_dim, h, w]. */
  readonly controlContext: Tensor;
  /** States of the texts, float32 [text tokens, cap_feat_dim], all equally long. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** What the residuals are multiplied with. Defaults to 1. */
  readonly conditioningScale?: number | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded ZImageControlNetModel. */
export interface ZImageControlNetModel extends Model<ZImageControlNetConfig> {
  /**
   * Residuals for one call of the transformer, by the layers after which they are added, float32
   * [N, image and text tokens, dim].
   *
   * @param hiddenStates Latents, float32 [N, C, h, w] of even sides.
   * @param timestep 0..1, for all rows or for each: the share of data.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: ZImageControlNetOptions,
  ): Promise<{ readonly controlnetBlockSamples: Readonly<Record<number, Tensor>> }>;
}

type Config = FrozenConfig<ZImageControlNetConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** Names of outputs, before the number of the layer. */
const SAMPLES = "controlnet_block_samples";
const HINTS = "hints";
/** Under which name the layer for tokens of 2x2 latents of one frame is. */
const PATCH = "2-1";

/** The networks that control Z-Image; `ZImageControlNetModel` of diffusers. */
export const ZImageControlNetModel: ModelClass<ZImageControlNetModel> = defineModel<
  ZImageControlNetConfig,
  ZImageControlNetModel
>({
  className: "ZImageControlNetModel",
  schema,
  check,
  graphs: {
    refine: {
      inputs: (config) => ({
        control: float32("batch", "tokens", 4 * config.control_in_dim),
        ...shared(config),
      }),
      build: refine,
    },
    layers: {
      inputs: (config) => ({
        context: float32("batch", "padded tokens", config.dim),
        text: float32("batch", "padded text", config.dim),
        ...shared(config),
      }),
      build: layers,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { transformer, encoderHiddenStates, controlContext, signal } = options;
      const { control_in_dim: channels, ...config } = model.config;
      if (controlContext.dims[1] !== channels) {
        throw new TypeError(
          `Cannot control by latents [${controlContext.dims.join(", ")}]: this ` +
            `ZImageControlNetModel takes ${channels} channels`,
        );
      }
      const scale = Tensor.from([options.conditioningScale ?? 1]);
      const given = { encoderHiddenStates, signal };
      const embedding = await transformer.embed(hiddenStates, timestep, given);
      const { tokens, text, temb, cos, sin } = embedding;
      const control = latentTokens(controlContext, 2);
      const refined = await model.run("refine", { control, tokens, temb, cos, sin, scale }, {
        signal,
      });
      const numbered = (from: Readonly<Record<string, Tensor>>, name: string, places: number[]) =>
        Object.fromEntries(
          places.flatMap((place, i) => {
            const found = from[`${name}_${i}`];
            return found === undefined ? [] : [[place, found]];
          }),
        );
      const hints = numbered(refined, HINTS, [...config.control_refiner_layers_places ?? []]);
      const image = await transformer.refine(embedding, hints, { signal });
      const samples = await model.run("layers", {
        ...{ context: refined.context!, text, tokens: image, temb, cos, sin, scale },
      }, { signal, onDevice: true }); // the transformer takes them from there
      return {
        controlnetBlockSamples: numbered(samples, SAMPLES, [...config.control_layers_places]),
      };
    },
  }),
});

/** What the transformer gives. */
function shared(config: Config): Record<string, Port> {
  return {
    tokens: float32("batch", "padded tokens", config.dim),
    temb: float32("batch", "time"),
    cos: float32("row", "half"),
    sin: float32("row", "half"),
    scale: float32(1),
  };
}

/** The control image as tokens, refined, and what that adds to the transformer's first layers. */
function refine(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { control, tokens, temb, cos, sin, scale } = inputs;
  const embedded = linear(s.at("control_all_x_embedder", PATCH), control!);
  // filled up as the image's tokens are
  const rest = [shapeOf(s, embedded, 1, 2), shapeOf(s, tokens!, 1, 2), s.ints([1])];
  const context = concat(s, [embedded, s.op("Slice", [tokens!, ...rest])], 1);
  const rotary = firstPositions(s, { cos: cos!, sin: sin! }, tokens!);
  const options = zImageBlockOptions(config, rotary, temb!);
  const { add_control_noise_refiner: mode, n_refiner_layers: count } = config;
  if (mode === null) {
    let refined = context;
    for (let i = 0; i < count; i++) {
      refined = zImageBlock(s.at("control_noise_refiner", i), refined, options);
    }
    return { context: refined };
  }
  const length = mode === "control_layers" ? config.control_layers_places.length : count;
  const { last, skips } = controlLayers(s.at(mode), context, tokens!, { ...options, length });
  const used = skips.slice(0, config.control_refiner_layers_places?.length ?? 0);
  return {
    context: last,
    ...Object.fromEntries(used.map((skip, i) => [`${HINTS}_${i}`, mul(s, skip, scale!)])),
  };
}

/** What the layers on image and text add to the transformer's. */
function layers(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { context, text, tokens, temb, cos, sin, scale } = inputs;
  const options = zImageBlockOptions(config, { cos: cos!, sin: sin! }, temb!);
  const { length } = config.control_layers_places;
  const [control, image] = [context!, tokens!].map((of) => concat(s, [of, text!], 1)) as [
    Value,
    Value,
  ];
  const { skips } = controlLayers(s.at("control_layers"), control, image, { ...options, length });
  return Object.fromEntries(skips.map((skip, i) => [`${SAMPLES}_${i}`, mul(s, skip, scale!)]));
}

/** Layers that begin with the sum of control image and image, and what each hands out. */
function controlLayers(
  s: Scope,
  control: Value,
  image: Value,
  { length, ...options }: ZImageBlockOptions & { readonly length: number },
): { readonly last: Value; readonly skips: readonly Value[] } {
  let last = add(s, linear(s.at("0.before_proj"), control), image);
  const skips: Value[] = [];
  for (let i = 0; i < length; i++) {
    last = zImageBlock(s.at(String(i)), last, options);
    skips.push(linear(s.at(`${i}.after_proj`), last));
  }
  return { last, skips };
}
