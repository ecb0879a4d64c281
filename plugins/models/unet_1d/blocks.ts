import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  attention,
  concat,
  conv1d,
  convTranspose1d,
  div,
  expand,
  gelu,
  groupNorm,
  linear,
  mean,
  mish,
  mul,
  reshape,
  shapeOf,
  sub,
  transpose,
  unsqueeze,
} from "@denoise/onnx/nn";

/** What a block takes beside the sample, [N, C, L]. */
export interface BlockInputs {
  /** The time: [N, E]. */
  readonly temb: Value;
  /** Residual blocks of a level but one (`layers_per_block`). */
  readonly layers: number;
  /** Whether a residual level changes the length. */
  readonly resample: boolean;
}

type Block = (s: Scope, x: Value, inputs: BlockInputs) => Value;

/** A level in the down blocks: the sample for the next one, and what is kept for the up blocks. */
type DownBlock = (s: Scope, x: Value, inputs: BlockInputs) => { x: Value; skip: Value };

/** Added to the variance in each normalization. */
const EPS = 1e-5;

// resampling with a fixed kernel

/** Works on each channel by itself: [N, C, L] as [N·C, 1, L] and back. */
function eachChannel(s: Scope, x: Value, work: (rows: Value) => Value): Value {
  const result = work(reshape(s, x, [-1, 1, 0]));
  const dims = concat(s, [shapeOf(s, x, 0, 2), s.ints([-1])], 0);
  return s.op("Reshape", [result, dims]);
}

function padReflecting(s: Scope, x: Value, size: number): Value {
  return s.op("Pad", [x, s.ints([0, 0, size, 0, 0, size])], { mode: "reflect" });
}

/** Half as long, through the checkpoint's `kernel` (`Downsample1d`). */
function halve(s: Scope, x: Value): Value {
  const size = s.shape("kernel")[0]!;
  const padded = padReflecting(s, x, size / 2 - 1);
  return eachChannel(s, padded, (rows) =>
    s.op("Conv", [rows, s.tensor("kernel", [1, 1, size])], {
      kernel_shape: [size],
      strides: [2],
    })); // [N, C, L / 2]
}

/** Twice as long, through the checkpoint's `kernel` (`Upsample1d`). */
function double(s: Scope, x: Value): Value {
  const size = s.shape("kernel")[0]!;
  const pad = size / 2 - 1;
  const padded = padReflecting(s, x, Math.floor((pad + 1) / 2));
  return eachChannel(
    s,
    padded,
    (rows) =>
      s.op("ConvTranspose", [rows, s.tensor("kernel", [1, 1, size])], {
        kernel_shape: [size],
        strides: [2],
        pads: [2 * pad + 1, 2 * pad + 1],
      }),
  ); // [N, C, 2·L]
}

// parts of Dance Diffusion

/**
 * Normalization of a whole sample (`GroupNorm` with one group). Means are taken along the length
 * first, as a sum of millions of float32 numbers in one go loses three digits.
 */
export function wholeNorm(s: Scope, x: Value): Value {
  const average = (value: Value) => mean(s, mean(s, value, [2]), [1]); // [N, 1, 1]
  const exact = s.cast(x, "float32");
  const centred = sub(s, exact, average(exact));
  const deviation = s.op("Sqrt", [add(s, average(mul(s, centred, centred)), EPS)]);
  const view = [s.shape("weight")[0]!, 1];
  const normal = s.cast(div(s, centred, deviation));
  return add(s, mul(s, normal, s.tensor("weight", view)), s.tensor("bias", view));
}

/** Two convolutions and what comes past them (`ResConvBlock`). */
function resConv(s: Scope, x: Value, isLast = false): Value {
  const normal = (name: string, value: Value) => gelu(s, wholeNorm(s.at(name), value));
  const changes = s.shape("conv_1.weight")[1] !== s.shape("conv_2.weight")[0];
  const residual = changes ? conv1d(s.at("conv_skip"), x, { bias: false }) : x;
  const first = normal("group_norm_1", conv1d(s.at("conv_1"), x, { padding: 2 }));
  const second = conv1d(s.at("conv_2"), first, { padding: 2 });
  return add(s, isLast ? second : normal("group_norm_2", second), residual);
}

/** Attention between the places of a sample, with heads of 32 channels (`SelfAttention1d`). */
function selfAttention(s: Scope, x: Value): Value {
  const channels = s.shape("query.weight")[0]!;
  const heads = Math.floor(channels / 32);
  if (heads < 1 || channels % heads !== 0) {
    throw new RangeError(
      `Cannot build ${s.path}: attention takes a head for every 32 channels, so ${channels} ` +
        `cannot be cut into ${heads}; there must be 32 at least, best a multiple of it`,
    );
  }
  const normal = wholeNorm(s.at("group_norm"), x);
  const places = transpose(s, normal, [0, 2, 1]); // [N, L, C]
  const seen = attention(s, {
    query: linear(s.at("query"), places),
    key: linear(s.at("key"), places),
    value: linear(s.at("value"), places),
  }, { heads });
  return add(s, transpose(s, linear(s.at("proj_attn"), seen), [0, 2, 1]), x);
}

interface Stack {
  readonly count?: number;
  readonly attends?: boolean;
  readonly endsPlain?: boolean;
}

/** Residual blocks one after another, each with attention behind it where the level attends. */
function resConvs(
  s: Scope,
  x: Value,
  { count = 3, attends = false, endsPlain = false }: Stack = {},
): Value {
  for (let i = 0; i < count; i++) {
    x = resConv(s.at("resnets", i), x, endsPlain && i === count - 1);
    if (attends) x = selfAttention(s.at("attentions", i), x);
  }
  return x;
}

// parts of the models for planning

/** Convolution, normalization, Mish (`Conv1dBlock`). */
function convBlock(s: Scope, x: Value): Value {
  const size = s.shape("conv1d.weight")[2]!;
  const convolved = conv1d(s.at("conv1d"), x, { padding: Math.floor(size / 2) });
  return mish(s, groupNorm(s.at("group_norm"), convolved, { groups: 8, spatial: 1 }));
}

/** Two such blocks with the time added between them (`ResidualTemporalBlock1D`). */
function residualTemporal(s: Scope, x: Value, temb: Value): Value {
  const time = unsqueeze(s, linear(s.at("time_emb"), mish(s, temb)), [2]); // [N, C', 1]
  const out = convBlock(s.at("conv_out"), add(s, convBlock(s.at("conv_in"), x), time));
  const [channelsOut, channels] = s.shape("conv_in.conv1d.weight");
  return add(s, out, channels !== channelsOut ? conv1d(s.at("residual_conv"), x) : x);
}

/** The residual blocks of a level: one, and `layers` more. */
function residualTemporals(s: Scope, x: Value, { temb, layers }: BlockInputs): Value {
  for (let i = 0; i <= layers; i++) x = residualTemporal(s.at("resnets", i), x, temb);
  return x;
}

/** Half as long, by a learned convolution (`Downsample1D`). */
function convDown(s: Scope, x: Value): Value {
  return conv1d(s.at("conv"), x, { stride: 2, padding: 1 });
}

/** Channels that are the same at every place of the sample. */
function withTimeChannels(s: Scope, x: Value, temb: Value): Value {
  const length = concat(s, [s.ints([1, 1]), shapeOf(s, x, 2)], 0);
  return concat(s, [x, expand(s, unsqueeze(s, temb, [2]), length)], 1); // [N, C + E, L]
}

// blocks by their class names

function keep(x: Value): { x: Value; skip: Value } {
  return { x, skip: x };
}

const DOWN: Readonly<Record<string, DownBlock>> = {
  DownBlock1DNoSkip: (s, x, { temb }) => keep(resConvs(s, withTimeChannels(s, x, temb))),
  DownBlock1D: (s, x) => keep(resConvs(s, halve(s.at("down"), x))),
  AttnDownBlock1D: (s, x) => keep(resConvs(s, halve(s.at("down"), x), { attends: true })),
  DownResnetBlock1D(s, x, inputs) {
    const skip = residualTemporals(s, x, inputs);
    return { x: inputs.resample ? convDown(s.at("downsample"), skip) : skip, skip };
  },
};

const MID: Readonly<Record<string, Block>> = {
  UNetMidBlock1D(s, x) {
    const inner = resConvs(s, halve(s.at("down"), x), { count: 6, attends: true });
    return double(s.at("up"), inner);
  },
  MidResTemporalBlock1D(s, x, inputs) {
    const inner = residualTemporals(s, x, inputs);
    return inputs.resample ? convDown(s.at("downsample"), inner) : inner;
  },
  ValueFunctionMidBlock1D(s, x, { temb }) {
    const half = convDown(s.at("down1"), residualTemporal(s.at("res1"), x, temb)); // [N, C / 2, L / 2]
    return convDown(s.at("down2"), residualTemporal(s.at("res2"), half, temb)); // [N, C / 4, L / 4]
  },
};

const UP: Readonly<Record<string, Block>> = {
  UpBlock1DNoSkip: (s, x) => resConvs(s, x, { endsPlain: true }),
  UpBlock1D: (s, x) => double(s.at("up"), resConvs(s, x)),
  AttnUpBlock1D: (s, x) => double(s.at("up"), resConvs(s, x, { attends: true })),
  UpResnetBlock1D(s, x, inputs) {
    const inner = residualTemporals(s, x, inputs);
    if (!inputs.resample) return inner;
    return convTranspose1d(s.at("upsample.conv"), inner, { stride: 2, padding: 1 });
  },
};

/** What the last block takes beside the sample. */
export interface OutInputs {
  /** The time: [N, E]. */
  readonly temb: Value;
  /** Groups of the normalization. */
  readonly groups: number;
  /** Activation, by its name in diffusers. */
  readonly act: string;
}

const OUT: Readonly<Record<string, (s: Scope, x: Value, inputs: OutInputs) => Value>> = {
  OutConv1DBlock(s, x, { groups, act }) {
    const convolved = conv1d(s.at("final_conv1d_1"), x, { padding: 2 });
    const normal = groupNorm(s.at("final_conv1d_gn"), convolved, { groups, spatial: 1 });
    return conv1d(s.at("final_conv1d_2"), activation(s, normal, act));
  },
  ValueFunction(s, x, { temb, act }) {
    const state = concat(s, [reshape(s, x, [0, -1]), temb], 1); // [N, C·L + E]
    const hidden = activation(s, linear(s.at("final_block.0"), state), act);
    return linear(s.at("final_block.2"), hidden); // [N, 1]
  },
};

/** Blocks that can be in the down blocks. */
export const downTypes: readonly string[] = Object.keys(DOWN);
/** Blocks that can be in the middle. */
export const midTypes: readonly string[] = Object.keys(MID);
/** Blocks that can be in the up blocks. */
export const upTypes: readonly string[] = Object.keys(UP);
/** Blocks that can be at the end. */
export const outTypes: readonly string[] = Object.keys(OUT);

/** A level in the down blocks. */
export function down(s: Scope, type: string, x: Value, inputs: BlockInputs): ReturnType<DownBlock> {
  return DOWN[type]!(s, x, inputs);
}

/** The block in the middle. */
export function middle(s: Scope, type: string, x: Value, inputs: BlockInputs): Value {
  return MID[type]!(s, x, inputs);
}

/** A level in the up blocks, which takes what one in the down blocks has kept. */
export function up(s: Scope, type: string, x: Value, skip: Value, inputs: BlockInputs): Value {
  return UP[type]!(s, concat(s, [x, skip], 1), inputs);
}

/** The block at the end. */
export function out(s: Scope, type: string, x: Value, inputs: OutInputs): Value {
  return OUT[type]!(s, x, inputs);
}
