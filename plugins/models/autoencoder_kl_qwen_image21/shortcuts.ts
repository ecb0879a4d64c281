import type { Scope, Value } from "@denoise/onnx/graph";
import {
  concat,
  expand,
  mean,
  mul,
  pixelUnshuffle,
  reshape,
  shapeOf,
  slice,
} from "@denoise/onnx/nn";

/** What a shortcut leads from and to. */
interface Shortcut {
  /** Channels that come in. */
  readonly from: number;
  /** Channels that go out. */
  readonly to: number;
  /** Whether a video's frames become half or twice as many too: of two, a single frame is the last. */
  readonly inTime: boolean;
}

/**
 * Means of groups of what becomes one pixel (`QwenImage21AvgDown3D`): [N, to, H/2, W/2]. Where frames are halved
 * there are zeros before the only one.
 *
 * @param x [N, from, H, W].
 * @param options.halves Whether height and width are halved; else they stay.
 */
export function means(
  s: Scope,
  x: Value,
  { from, to, inTime, halves }: Shortcut & { readonly halves: boolean },
): Value {
  const small = halves ? pixelUnshuffle(s, x, { channels: from, factor: 2 }) : x;
  const places = reshape(s, small, [0, from, halves ? 4 : 1, -1]); // [N, from, places, pixels]
  const all = inTime ? concat(s, [mul(s, places, 0), places], 2) : places;
  const count = from * (halves ? 4 : 1) * (inTime ? 2 : 1);
  const grouped = reshape(s, all, [0, to, count / to, -1]);
  return asImage(s, mean(s, grouped, [2], false), { to, like: small });
}

/**
 * Each channel several times, as what becomes 2x2 pixels (`QwenImage21DupUp3D`): [N, to, 2H, 2W]. Where frames are
 * doubled the second one counts.
 *
 * @param x [N, from, H, W].
 */
export function copies(s: Scope, x: Value, { from, to, inTime }: Shortcut): Value {
  const frames = inTime ? 2 : 1;
  const times = to * 4 * frames / from;
  const one = reshape(s, x, [0, from, 1, -1]); // [N, from, 1, pixels]
  const repeated = expand(s, one, s.ints([1, 1, times, 1]));
  const places = reshape(s, repeated, [0, to, frames, 4, -1]);
  const last = slice(s, places, 2, frames - 1, frames); // [N, to, 1, 4, pixels]
  const deep = asImage(s, last, { to: 4 * to, like: x });
  return s.op("DepthToSpace", [deep], { blocksize: 2, mode: "CRD" });
}

/** Pixels in rows as high and wide as those of another image: [N, to, H, W]. */
function asImage(
  s: Scope,
  x: Value,
  { to, like }: { readonly to: number; readonly like: Value },
): Value {
  const dims = concat(s, [s.ints([0, to]), shapeOf(s, like, 2, 4)], 0);
  return s.op("Reshape", [x, dims]);
}
