import { Tensor } from "@denoise/core";

type Color = readonly [red: number, green: number, blue: number];

/** The color maps that predictions are shown by, from 0 to 1; `_r` at the end of a name turns one round. */
const COLORS: Readonly<Record<string, readonly Color[]>> = {
  binary: [[1, 1, 1], [0, 0, 0]],
  // of ColorBrewer, as matplotlib has it
  Spectral: [
    [158, 1, 66],
    [213, 62, 79],
    [244, 109, 67],
    [253, 174, 97],
    [254, 224, 139],
    [255, 255, 191],
    [230, 245, 152],
    [171, 221, 164],
    [102, 194, 165],
    [50, 136, 189],
    [94, 79, 162],
  ].map((color) => color.map((value) => value / 255) as unknown as Color),
};

/**
 * Numbers of 0..1 as colors (`MarigoldImageProcessor.colormap`).
 *
 * @param x float32 [N, 1, H, W].
 * @param name `"binary"`, `"Spectral"`, or one of them with `_r` at the end. Defaults to `"Spectral"`.
 * @returns float32 [N, 3, H, W] in 0..1.
 * @throws {RangeError} for another name.
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { colored } from "@denoise/marigold";
 * import { assertEquals } from "@std/assert";
 *
 * const black = colored(Tensor.ones([1, 1, 1, 1]), "binary");
 * assertEquals(black.toNested(), [[[[0]], [[0]], [[0]]]]);
 * ```
 */
export function colored(x: Tensor, name = "Spectral"): Tensor {
  const isReversed = name.endsWith("_r");
  const plain = isReversed ? name.slice(0, -2) : name;
  const known = Object.hasOwn(COLORS, plain) ? COLORS[plain]! : undefined;
  if (known === undefined) {
    const names = Object.keys(COLORS).flatMap((one) => [one, `${one}_r`]);
    throw new RangeError(
      `Cannot color by ${JSON.stringify(name)}: it must be one of ${names.join(", ")}`,
    );
  }
  const colors = isReversed ? known.toReversed() : known;
  const last = colors.length - 1;
  const channels = [0, 1, 2].map((channel) =>
    x.map((value) => {
      const place = Math.fround(Math.min(1, Math.max(0, value)) * last);
      const left = Math.floor(place);
      const share = place - left;
      const [a, b] = [colors[left]![channel]!, colors[Math.min(last, left + 1)]![channel]!];
      return (1 - share) * a + share * b;
    })
  );
  return Tensor.cat(channels, 1);
}

/** Depth as colors from red, which is near, to blue (`visualize_depth`): float32 [N, 3, H, W] in 0..1. */
export function showDepth(depth: Tensor, colorMap = "Spectral"): Tensor {
  return colored(depth, colorMap);
}

/** Which axes of normals are turned round. */
export interface FlipOptions {
  /** X, which points to the right. */
  readonly flipX?: boolean | undefined;
  /** Y, which points up. */
  readonly flipY?: boolean | undefined;
  /** Z, which points to the observer. */
  readonly flipZ?: boolean | undefined;
}

/** Normals as colors (`visualize_normals`): float32 [N, 3, H, W] in 0..1. */
export function showNormals(normals: Tensor, flips: FlipOptions = {}): Tensor {
  const { flipX = false, flipY = false, flipZ = false } = flips;
  const signs = [flipX, flipY, flipZ].map((flip) => flip ? -1 : 1);
  const turned = normals.mul(Tensor.from(Float32Array.from(signs), [1, 3, 1, 1]));
  return turned.add(1).mul(0.5);
}

/** What the repo of an intrinsic decomposition says of its targets (`target_properties`). */
export interface TargetProperties {
  /** Names of the targets, in the order in which they are predicted. */
  readonly target_names: readonly string[];
  /** Of each target. */
  readonly [name: string]: unknown;
}

interface Target {
  /** `"srgb"`, `"linear"`, or `"stack"` for three targets of one channel each. Defaults to `"srgb"`. */
  readonly prediction_space?: string;
  /** Whether only ratios count. Defaults to false. */
  readonly up_to_scale?: boolean;
  /** The three targets of a stack; null for one that is none. */
  readonly sub_target_names?: readonly (string | null)[];
}

/**
 * Intrinsic images as colors (`visualize_intrinsics`).
 *
 * @param prediction Of one photo, float32 [targets, 3, H, W].
 * @param colorMap What targets of one channel are shown by. Defaults to `"binary"`.
 * @returns By name, float32 [1, 3, H, W] in 0..1.
 */
export function showIntrinsics(
  prediction: Tensor,
  properties: TargetProperties,
  colorMap = "binary",
): Readonly<Record<string, Tensor>> {
  const shown: Record<string, Tensor> = {};
  const of = (name: string) => (properties[name] ?? {}) as Target;
  for (const [i, name] of properties.target_names.entries()) {
    const image = prediction.slice(0, i, i + 1);
    const { prediction_space: space, sub_target_names: parts = [] } = of(name);
    if (space === "stack") {
      for (const [channel, part] of parts.entries()) {
        if (part === null) continue;
        const plane = image.slice(1, channel, channel + 1);
        shown[part] = colored(inSrgb(plane, of(part)), colorMap);
      }
    }
    shown[name] = inSrgb(image, of(name));
  }
  return shown;
}

function inSrgb(image: Tensor, { prediction_space: space, up_to_scale }: Target): Tensor {
  if (space !== "linear") return image;
  const scaled = up_to_scale ? image.div(Math.max(image.max().item(), 1e-6)) : image;
  return scaled.map((x) => Math.max(0, x) ** (1 / 2.2));
}

/**
 * How sure predictions are as grey (`visualize_uncertainty`), white where they are less so.
 *
 * @param uncertainty float32 [N, C, H, W], 0 or more.
 * @param saturationPercentile What is white, of all pixels of an image. Defaults to 95.
 * @returns float32 [N, C, H, W] in 0..1.
 */
export function showUncertainty(uncertainty: Tensor, saturationPercentile = 95): Tensor {
  return Tensor.cat(Array.from({ length: uncertainty.dims[0]! }, (_, i) => {
    const row = uncertainty.slice(0, i, i + 1);
    const sorted = row.toFloat32Array().sort();
    const place = (sorted.length - 1) * saturationPercentile / 100;
    const [a, b] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    const white = a + (b - a) * (place - Math.floor(place));
    return row.map((x) => Math.min(1, x / white));
  }));
}
