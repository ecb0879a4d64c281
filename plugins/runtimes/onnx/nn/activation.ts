import { DenoiseError } from "@denoise/core";
import { floatAttribute, MICROSOFT, type Scope, type Value } from "../graph/mod.ts";
import { mul } from "./arithmetic.ts";

/** x·sigmoid(alpha·x): SiLU for alpha 1, CLIP's approximation of GELU for 1.702. */
function swish(s: Scope, x: Value, alpha: number): Value {
  if (s.graph.lowering.swish === "QuickGelu") {
    return s.op("QuickGelu", [x], { alpha: floatAttribute(alpha) }, { domain: MICROSOFT });
  }
  return mul(s, x, s.op("Sigmoid", [alpha === 1 ? x : mul(s, x, alpha)]));
}

/** x·sigmoid(x), also called swish (Elfwing et al., 2017, arXiv:1702.03118). */
export function silu(s: Scope, x: Value): Value {
  return swish(s, x, 1);
}

/** x·sigmoid(1.702·x), the approximation of GELU that CLIP was trained with. */
export function quickGelu(s: Scope, x: Value): Value {
  return swish(s, x, 1.702);
}

/** x·Φ(x), or its tanh approximation (Hendrycks and Gimpel, 2016, arXiv:1606.08415). */
export function gelu(s: Scope, x: Value, approximate: "none" | "tanh" = "none"): Value {
  return s.op("Gelu", [x], { approximate });
}

/** x·tanh(log(1 + eˣ)) (Misra, 2019, arXiv:1908.08681). */
export function mish(s: Scope, x: Value): Value {
  return s.op("Mish", [x]);
}

/** max(x, 0). */
export function relu(s: Scope, x: Value): Value {
  return s.op("Relu", [x]);
}

/** 1 / (1 + e⁻ˣ). */
export function sigmoid(s: Scope, x: Value): Value {
  return s.op("Sigmoid", [x]);
}

/** tanh x. */
export function tanh(s: Scope, x: Value): Value {
  return s.op("Tanh", [x]);
}

const ACTIVATIONS: { readonly [name: string]: (s: Scope, x: Value) => Value } = {
  swish: silu,
  silu,
  mish,
  gelu: (s, x) => gelu(s, x),
  gelu_new: (s, x) => gelu(s, x, "tanh"),
  gelu_pytorch_tanh: (s, x) => gelu(s, x, "tanh"),
  quick_gelu: quickGelu,
  relu,
  sigmoid,
  tanh,
};

/** Names that {@linkcode activation} knows, as they stand in config.json. */
export const activationNames: readonly string[] = Object.freeze(Object.keys(ACTIVATIONS));

/**
 * The activation function of that name in config.json (`act_fn`, `hidden_act`), in capitals or not.
 *
 * @throws {DenoiseError} `unsupported_option` for a name that is not known.
 */
export function activation(s: Scope, x: Value, name: string): Value {
  const key = name.toLowerCase();
  const apply = Object.hasOwn(ACTIVATIONS, key) ? ACTIVATIONS[key] : undefined;
  if (apply !== undefined) return apply(s, x);
  throw new DenoiseError(
    "unsupported_option",
    `Cannot build ${s.path || "the model"}: there is no activation "${name}"; ` +
      `known are ${activationNames.join(", ")}`,
  );
}
