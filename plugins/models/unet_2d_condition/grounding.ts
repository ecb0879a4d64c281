import type { FrozenConfig, Tensor } from "@denoise/core";
import { float32, optional, type Port } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, concat, linear, mul, reshape, silu, sub, unsqueeze } from "@denoise/onnx/nn";
import type { Grounding } from "@denoise/roles";
import { attentionWidth, type UNet2DConditionConfig } from "./config.ts";

type Config = FrozenConfig<UNet2DConditionConfig>;

/** What a model is given of objects: the name of the input, its kind, and its name among a call's options. */
const INPUTS = {
  "gated": [
    ["gligen_boxes", "boxes"],
    ["gligen_masks", "masks"],
    ["gligen_positive_embeddings", "positiveEmbeddings"],
  ],
  "gated-text-image": [
    ["gligen_boxes", "boxes"],
    ["gligen_masks", "masks"],
    ["gligen_phrases_embeddings", "phrasesEmbeddings"],
    ["gligen_phrases_masks", "phrasesMasks"],
    ["gligen_image_embeddings", "imageEmbeddings"],
    ["gligen_image_masks", "imageMasks"],
  ],
} as const satisfies Record<string, readonly (readonly [input: string, option: keyof Grounding])[]>;

type GatedType = keyof typeof INPUTS;

function inputsOf({ attention_type: type }: Config) {
  return Object.hasOwn(INPUTS, type) ? INPUTS[type as GatedType] : undefined;
}

/** The inputs for objects, of models with gated attention. */
export function groundingPorts(config: Config): Record<string, Port> {
  const width = attentionWidth(config);
  const port = (name: string): Port => {
    if (name.endsWith("boxes")) return { ...float32("batch", "objects", 4), exact: true };
    return name.endsWith("masks")
      ? float32("batch", "objects")
      : float32("batch", "objects", width);
  };
  return Object.fromEntries(
    (inputsOf(config) ?? []).map(([input]) => [input, optional(port(input))]),
  );
}

/**
 * A call's objects as inputs.
 *
 * @throws {TypeError} for a model without gated attention, and for what is missing.
 */
export function groundingInputs(config: Config, given: Grounding): Record<string, Tensor> {
  const names = inputsOf(config);
  if (names === undefined) {
    throw new TypeError(
      `Cannot run UNet2DConditionModel with gligen: its attention_type is "${config.attention_type}"; it must be ` +
        `${Object.keys(INPUTS).map((type) => `"${type}"`).join(" or ")}`,
    );
  }
  return Object.fromEntries(names.map(([input, option]) => {
    const tensor = given[option];
    if (tensor !== undefined) return [input, tensor];
    throw new TypeError(
      `Cannot run UNet2DConditionModel with gligen: of attention_type "${config.attention_type}" it needs ${option}`,
    );
  }));
}

/** Frequencies for each side of a box: powers of 100 from 1 up. */
const FREQUENCIES = 8;

/**
 * Objects as attention sees them (`GLIGENTextBoundingboxProjection`): what they are beside where they are,
 * through three layers; learned vectors stand for what is not there.
 *
 * @returns [N, objects, D], twice as many with images; undefined where a call has none.
 */
export function groundedObjects(
  root: Scope,
  inputs: Readonly<Record<string, Value>>,
): Value | undefined {
  const { gligen_boxes: boxes, gligen_masks: masks } = inputs;
  if (boxes === undefined) return undefined;
  const s = root.at("position_net");
  const known = (value: Value, mask: Value, none: string) => {
    const there = unsqueeze(s, mask, [2]); // [N, objects, 1]
    const instead = mul(s, sub(s, s.scalar(1), there), s.tensor(none));
    return add(s, mul(s, value, there), instead);
  };
  const places = known(boxWaves(s, boxes), masks!, "null_position_feature");
  const project = (name: string, value: Value) => {
    const layers = s.at(name);
    const first = silu(s, linear(layers.at(0), concat(s, [value, places], 2)));
    return linear(layers.at(4), silu(s, linear(layers.at(2), first)));
  };
  const { gligen_positive_embeddings: positive } = inputs;
  if (positive !== undefined) {
    return project("linears", known(positive, masks!, "null_positive_feature"));
  }
  const { gligen_phrases_embeddings: phrases, gligen_image_embeddings: images } = inputs;
  const text = known(phrases!, inputs["gligen_phrases_masks"]!, "null_text_feature");
  const image = known(images!, inputs["gligen_image_masks"]!, "null_image_feature");
  return concat(s, [project("linears_text", text), project("linears_image", image)], 1);
}

/** Sines and cosines of the sides of boxes, for each frequency: [N, objects, 64]. */
function boxWaves(s: Scope, boxes: Value): Value {
  const frequencies = Float32Array.from(
    { length: FREQUENCIES },
    (_, i) => 100 ** Math.fround(i / FREQUENCIES),
  );
  const table = s.graph.floats(frequencies, [FREQUENCIES, 1], "float32");
  const angles = mul(s, unsqueeze(s, boxes, [2]), table); // [N, objects, 8, 4]
  const waves = [s.op("Sin", [angles]), s.op("Cos", [angles])];
  const both = concat(s, waves.map((wave) => unsqueeze(s, wave, [3])), 3); // [N, objects, 8, 2, 4]
  return s.cast(reshape(s, both, [0, 0, -1]));
}
