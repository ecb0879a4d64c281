/** Scales of the attentions of one block: one for all, or one for each. */
export type AttentionScales = number | readonly number[];

/** Scales of one way of the UNet: for all of its blocks, or by their names `block_0`, `block_1`, ... */
export type WayScales = AttentionScales | { readonly [block: `block_${number}`]: AttentionScales };

/** How much an adapter counts in the blocks of a UNet. */
export interface BlockScales {
  /** On the down blocks. */
  readonly down?: WayScales | undefined;
  /** In the middle. */
  readonly mid?: AttentionScales | undefined;
  /** On the up blocks. */
  readonly up?: WayScales | undefined;
}

/** Where an attention lies: `down_blocks.1.attentions.0` in `down`, `block_1`, place 0. */
interface Place {
  readonly way: "down" | "mid" | "up";
  readonly block: string;
  readonly attention: number;
}

function placeOf(path: string): Place | undefined {
  const [_, way, block, attention] =
    path.match(/^(down|mid|up)_blocks?(?:\.(\d+))?\.attentions\.(\d+)\./) ?? [];
  if (way === undefined) return undefined;
  return { way: way as Place["way"], block: `block_${block ?? 0}`, attention: Number(attention) };
}

/**
 * The scale of each attention, by the path of it or of a module in it.
 *
 * @param paths Modules of the model, such as `down_blocks.1.attentions.0.transformer_blocks.0.attn2`.
 * @param otherwise The scale where nothing is said.
 * @throws {RangeError} for a block that has no attentions, or more or fewer scales than it has.
 *
 * @example
 * ```ts
 * import { attentionScales } from "@denoise/adapters";
 * import { assertEquals } from "@std/assert";
 *
 * const paths = ["down_blocks.1.attentions.0.proj_in", "up_blocks.0.attentions.0.proj_in"];
 * const scaleOf = attentionScales({ up: { block_0: 0.5 } }, paths, 0);
 * assertEquals(paths.map(scaleOf), [0, 0.5]);
 * ```
 */
export function attentionScales(
  scales: number | BlockScales,
  paths: readonly string[],
  otherwise: number,
): (path: string) => number {
  if (typeof scales === "number") {
    const scale = checked(scales, "all blocks");
    return () => scale;
  }
  const places = paths.map(placeOf).filter((place) => place !== undefined);
  const given = new Map<string, number>();
  const key = ({ way, block, attention }: Place) => `${way} ${block} ${attention}`;
  for (const [way, value] of Object.entries(scales) as [Place["way"], WayScales | undefined][]) {
    if (value === undefined) continue;
    const inside = places.filter((place) => place.way === way);
    const blocks = [...new Set(inside.map(({ block }) => block))];
    const named = typeof value === "object" && !Array.isArray(value)
      ? value as Readonly<Record<string, AttentionScales>>
      : Object.fromEntries(blocks.map((block) => [block, value as AttentionScales]));
    const unknown = Object.keys(named).find((block) => !blocks.includes(block));
    if (unknown !== undefined || blocks.length === 0) {
      const there = [...new Set(places.map((place) => `${place.way}.${place.block}`))];
      const where = unknown === undefined ? way : `${way}.${unknown}`;
      throw new RangeError(
        `Cannot scale ${where}: this UNet has attentions in ` +
          there.join(", ").replace("mid.block_0", "mid"),
      );
    }
    for (const [block, each] of Object.entries(named)) {
      const own = new Set(inside.filter((place) => place.block === block).map(key));
      const list = spread(each, own.size, `${way}.${block}`);
      [...own].forEach((one, i) => given.set(one, list[i]!));
    }
  }
  return (path) => {
    const place = placeOf(path);
    return place === undefined ? otherwise : given.get(key(place)) ?? otherwise;
  };
}

function spread(scales: AttentionScales, count: number, where: string): readonly number[] {
  const list = typeof scales === "number" ? [scales] : scales;
  for (const scale of list) checked(scale, where);
  if (list.length === 1) return Array<number>(count).fill(list[0]!);
  if (list.length === count) return list;
  throw new RangeError(
    `Cannot scale ${count} attentions of ${where} by ${JSON.stringify(scales)}: give one number, ` +
      `or one for each`,
  );
}

function checked(scale: number, where: string): number {
  if (Number.isFinite(scale)) return scale;
  throw new RangeError(`Cannot scale ${where} by ${scale}: give one number`);
}
