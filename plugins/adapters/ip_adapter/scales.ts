import { attentionScales, type BlockScales } from "@denoise/adapters";
import type { StoredTensor } from "@denoise/safetensors";
import type { AdaptedDenoiser } from "./extension.ts";
import { numberTensor } from "./read.ts";

/**
 * How much the images of one IP-Adapter count: everywhere, in blocks of a UNet, each of several in its mask, or in
 * each block of a transformer.
 */
export type IpAdapterScale = number | BlockScales | readonly number[];

const SCALE = /\.processor\.scale\.(\d+)$/;

/**
 * The tensors of IP-Adapters at other scales.
 *
 * @throws {RangeError} when there are more or fewer scales than IP-Adapters or blocks.
 */
export function scaled(
  { className }: AdaptedDenoiser,
  tensors: ReadonlyMap<string, StoredTensor>,
  given: IpAdapterScale | readonly IpAdapterScale[],
): Map<string, StoredTensor> {
  const numbers = [...tensors.keys()].filter((name) => SCALE.test(name));
  const count = new Set(numbers.map((name) => name.match(SCALE)![1])).size;
  const paths = [...new Set(numbers.map((name) => name.replace(SCALE, "")))];
  const isTransformer = paths.some((path) => path.startsWith("transformer_blocks."));
  const scales = each(given, count, isTransformer);
  if (count === 0 || scales.length !== count) {
    throw new RangeError(
      `Cannot set the scale of ${count} IP-Adapters to ${JSON.stringify(given)}: ` +
        (count === 0 ? "call loadIpAdapter first" : "give one, or one for each"),
    );
  }
  const scaleOf = scales.map((one) => {
    if (isTransformer) return blockScales(one, paths, className);
    if (!Array.isArray(one)) return attentionScales(one as number | BlockScales, paths, 0);
    const ofImages = (one as readonly number[]).map((scale) =>
      attentionScales(scale, paths, 0)("")
    );
    return () => ofImages;
  });
  return new Map([...tensors].map(([name, tensor]) => {
    const which = name.match(SCALE)?.[1];
    if (which === undefined) return [name, tensor];
    return [name, numberTensor(scaleOf[Number(which)]!(name.replace(SCALE, "")))];
  }));
}

/** One for each IP-Adapter. A list of numbers for the one of a transformer is of its blocks. */
function each(
  given: IpAdapterScale | readonly IpAdapterScale[],
  count: number,
  isTransformer: boolean,
): readonly IpAdapterScale[] {
  if (!Array.isArray(given)) return Array<IpAdapterScale>(count).fill(given as IpAdapterScale);
  const list = given as readonly IpAdapterScale[];
  const isOfBlocks = isTransformer && count === 1 && list.every((one) => typeof one === "number");
  return isOfBlocks ? [list as readonly number[]] : list;
}

function blockScales(
  given: IpAdapterScale,
  paths: readonly string[],
  className: string,
): (path: string) => number {
  const list = typeof given === "number" ? paths.map(() => given) : given;
  if (
    Array.isArray(list) && list.length === paths.length && list.every((x) => Number.isFinite(x))
  ) {
    return (path) => list[paths.indexOf(path)] as number;
  }
  throw new RangeError(
    `Cannot set the scale of an IP-Adapter of ${className} to ${JSON.stringify(given)}: give one ` +
      `number, or a list of ${paths.length}`,
  );
}
