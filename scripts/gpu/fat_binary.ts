/**
 * Machine code of other cards taken out of a CUDA library, so that it travels in a quarter of its size.
 *
 * A section `.nv_fatbin` holds containers, one for each source file: a header (magic u32, version u16,
 * header size u16, size of the entries u64) and entries, one for each architecture (kind u16, version
 * u16, header size u32, padded size u64, ..., architecture u32 at 28). A driver takes the entry that
 * fits its card.
 *
 * @module
 */

/** What became of the machine code. */
export interface Kept {
  /** Containers that keep code for the architecture. */
  readonly containers: number;
  /** Their code, in bytes. */
  readonly bytes: number;
}

interface Container {
  /** Where its entries begin and end. */
  readonly from: number;
  readonly to: number;
  readonly entries: readonly Entry[];
}

interface Entry {
  readonly architecture: number;
  readonly from: number;
  readonly to: number;
}

const MAGIC = 0xba55ed50;

/**
 * Leaves only the machine code of an architecture (90: Hopper), in place: length and addresses stay, what
 * is left over is zeros. Containers that have code for that architecture alone go too: in onnxruntime
 * 1.30 those are the 291 grouped matrix products of mixtures of experts, which no diffusion model has.
 * They get the smallest code of another card, as there are containers without code for Hopper anyway.
 *
 * @throws {RangeError} when nothing is left for the architecture.
 */
export function keepArchitecture(library: Uint8Array, architecture: number): Kept {
  const view = new DataView(library.buffer, library.byteOffset, library.byteLength);
  const containers = readContainers(view);
  const foreign = containers.flatMap(({ entries }) => entries)
    .filter((entry) => entry.architecture !== architecture)
    .toSorted((a, b) => (a.to - a.from) - (b.to - b.from))[0];
  const filler = library.slice(foreign?.from ?? 0, foreign?.to ?? 0);
  let [kept, bytes] = [0, 0];
  for (const { from, to, entries } of containers) {
    const own = entries.find((entry) => entry.architecture === architecture);
    const isKept = own !== undefined && entries.length > 1;
    const left = isKept ? library.slice(own.from, own.to) : filler;
    if (left.length > to - from) continue; // smaller than the filler, so nothing to gain
    library.fill(0, from, to);
    library.set(left, from);
    view.setBigUint64(from - 8, BigInt(left.length), true);
    if (isKept) (kept += 1, bytes += left.length);
  }
  if (kept === 0) {
    throw new RangeError(`Cannot keep sm_${architecture}: the library has no machine code for it`);
  }
  return { containers: kept, bytes };
}

function readContainers(view: DataView): Container[] {
  const { offset, size } = fatBinarySection(view);
  const containers: Container[] = [];
  let at = offset;
  while (at + 16 <= offset + size) {
    if (view.getUint32(at, true) !== MAGIC) {
      at += 8; // between containers
      continue;
    }
    const from = at + view.getUint16(at + 6, true);
    const to = from + Number(view.getBigUint64(at + 8, true));
    const entries: Entry[] = [];
    for (let start = from, end = from; start < to; start = end) {
      end = start + view.getUint32(start + 4, true) + Number(view.getBigUint64(start + 8, true));
      entries.push({ architecture: view.getUint32(start + 28, true), from: start, to: end });
    }
    containers.push({ from, to, entries });
    at = to;
  }
  return containers;
}

function fatBinarySection(view: DataView): { offset: number; size: number } {
  const at = Number(view.getBigUint64(0x28, true));
  const [entry, count, names] = [0x3a, 0x3c, 0x3e].map((offset) => view.getUint16(offset, true));
  const section = (index: number) => {
    const header = at + index * entry!;
    return {
      name: view.getUint32(header, true),
      offset: Number(view.getBigUint64(header + 0x18, true)),
      size: Number(view.getBigUint64(header + 0x20, true)),
    };
  };
  const strings = section(names!).offset;
  for (let index = 0; index < count!; index++) {
    const { name, offset, size } = section(index);
    const wanted = ".nv_fatbin\0";
    const found = [...wanted].every((letter, i) =>
      view.getUint8(strings + name + i) === letter.charCodeAt(0)
    );
    if (found) return { offset, size };
  }
  throw new TypeError("Cannot find machine code: the library has no section .nv_fatbin");
}

if (import.meta.main) {
  const [path, architecture] = Deno.args;
  const library = await Deno.readFile(path!);
  console.log(keepArchitecture(library, Number(architecture)));
  await Deno.writeFile(path!, library);
}
