import { MICROSOFT, type Scope, type Value } from "../graph/mod.ts";
import { activation, chunk, gelu, linear, mul, silu } from "../nn/mod.ts";

/** Options of {@linkcode feedForward}. */
export interface FeedForwardOptions {
  /**
   * What is between the linear layers, by the reference's names: `"gelu"`, `"gelu-approximate"` (tanh),
   * `"geglu"` and `"swiglu"` (a half that gates the other), `"linear-silu"`.
   */
  readonly activation: "gelu" | "gelu-approximate" | "geglu" | "swiglu" | "linear-silu";
  /** Whether the linear layers have biases. Defaults to true. */
  readonly bias?: boolean | undefined;
  /** Whether the last layer's bias is added. Defaults to `bias`. */
  readonly outBias?: boolean | undefined;
}

/** Two linear layers `net.0.proj` and `net.2` (`FeedForward`). */
export function feedForward(s: Scope, x: Value, options: FeedForwardOptions): Value {
  const { activation: name, bias = true, outBias = bias } = options;
  const hidden = name === "geglu" && bias
    ? geglu(s.at("net.0.proj"), x)
    : activated(s, linear(s.at("net.0.proj"), x, { bias }), name);
  return linear(s.at("net.2"), hidden, { bias: outBias });
}

/** What a feed forward makes of its first linear layer's result; a half gates the other in `"geglu"` and `"swiglu"`. */
export function activated(s: Scope, wide: Value, name: FeedForwardOptions["activation"]): Value {
  if (name === "gelu") return gelu(s, wide);
  if (name === "gelu-approximate") return gelu(s, wide, "tanh");
  if (name === "linear-silu") return silu(s, wide);
  const [hidden, gate] = chunk(s, wide, 2, -1) as [Value, Value];
  return mul(s, hidden, name === "geglu" ? gelu(s, gate) : silu(s, gate));
}

/** A linear layer, a half of whose result gates the other. */
function geglu(s: Scope, x: Value): Value {
  const width = s.shape("weight")[0]!;
  const isFused = s.graph.lowering.fusedSteps && s.dtype === "float16";
  if (!isFused || !GEGLU_WIDTHS.includes(width)) return activated(s, linear(s, x), "geglu");
  const inputs = [linear(s, x, { bias: false }), s.tensor("bias")];
  return s.op("BiasSplitGelu", inputs, {}, { domain: MICROSOFT });
}

/** Of onnxruntime's operator: those of Stable Diffusion. */
const GEGLU_WIDTHS = [2560, 5120, 10240];

/** Options of {@linkcode gatedFeedForward}. */
export interface GatedFeedForwardOptions {
  /** Names of the three linear layers: the one that gates, the one that is gated, the last one. */
  readonly names: readonly [gate: string, up: string, down: string];
  /** The activation of the gate. Defaults to `"silu"`. */
  readonly activation?: string | undefined;
  /** Whether the layers have biases. Defaults to false. */
  readonly bias?: boolean | undefined;
}

/** down(activation(gate(x))·up(x)), as language models have it (Shazeer, 2020, arXiv:2002.05202). */
export function gatedFeedForward(s: Scope, x: Value, options: GatedFeedForwardOptions): Value {
  const { names: [gate, up, down], activation: name = "silu", bias = false } = options;
  const gated = activation(s, linear(s.at(gate), x, { bias }), name);
  return linear(s.at(down), mul(s, gated, linear(s.at(up), x, { bias })), { bias });
}
