/**
 * The random weights of tests/fixtures, made from the rules beside them: each FILE.safetensors.rules
 * says which numbers of torch's generator its tensors are. tests/fixtures/README.md describes the
 * format; scripts/reference/weight_rules.py writes it.
 *
 * @module
 */
import { Generator, Tensor } from "@denoise/core";

const FOLDERS = ["../fixtures/", "../golden/lora/"].map((path) => new URL(path, import.meta.url));

/** Makes every file of weights that is missing or older than its rules; cheap where none is. */
export function makeFixtures(): void {
  for (const folder of FOLDERS) makeAll(folder);
}

function makeAll(folder: URL): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const at = new URL(isDirectory ? `${name}/` : name, folder);
    if (isDirectory) makeAll(at);
    else if (name.endsWith(".rules")) makeWeights(at, new URL(name.slice(0, -6), folder));
  }
}

function makeWeights(rules: URL, target: URL): void {
  const made = stat(target);
  if (made !== undefined && made.mtime! >= stat(rules)!.mtime!) return;
  const part = new URL(`${target.href}.${crypto.randomUUID()}`); // several test processes begin at once
  Deno.writeFileSync(part, safetensors(Deno.readTextFileSync(rules)));
  Deno.renameSync(part, target);
}

function stat(file: URL): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(file);
  } catch {
    return undefined;
  }
}

type Type = "f32" | "f16" | "bf16" | "i64";

interface Weight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: Type;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const STORED: Record<Type, { name: string; bytes: number }> = {
  i64: { name: "I64", bytes: 8 },
  f32: { name: "F32", bytes: 4 },
  f16: { name: "F16", bytes: 2 },
  bf16: { name: "BF16", bytes: 2 },
};

/** The file that the rules describe, byte for byte as the reference's library writes it. */
export function safetensors(rules: string): Uint8Array<ArrayBuffer> {
  const { weights, metadata } = readRules(rules);
  const order = weights.toSorted((a, b) =>
    STORED[b.type].bytes - STORED[a.type].bytes || (a.name < b.name ? -1 : 1)
  );
  const header: Record<string, unknown> = Object.keys(metadata).length === 0
    ? {}
    : { __metadata__: metadata };
  let place = 0;
  for (const { name, dims, type, bytes } of order) {
    header[name] = {
      dtype: STORED[type].name,
      shape: dims,
      data_offsets: [place, place += bytes.length],
    };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + length + place).fill(0x20, 8 + text.length, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(text, 8);
  let at = 8 + length;
  for (const { bytes } of order) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

function readRules(text: string): { weights: Weight[]; metadata: Record<string, string> } {
  const pieces: Weight[] = [];
  const metadata: Record<string, string> = {};
  let generator = new Generator();
  let levels: string[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const depth = line.search(/[^ ]/);
    const [name, rule, size, type] = line.slice(depth).split(" ") as [
      string,
      string,
      string,
      Type?,
    ];
    if (rule === "=") {
      pieces.push({ name, dims: sizes(size), type: type!, bytes: encodedBytes(line) });
    } else if (depth > 0) {
      levels = [...levels.slice(0, depth - 1), name];
      if (rule === undefined) continue;
      const dims = sizes(size);
      const drawn = rule in UNIFORM ? generator.rand(dims) : generator.randn(dims);
      const numbers = follow(rule, drawn.data as Float32Array<ArrayBuffer>, dims);
      pieces.push({
        name: levels.join("."),
        dims,
        type: type ?? "f32",
        bytes: new Uint8Array(
          (type === "f16" ? Tensor.from(numbers).astype("float16").data : numbers)
            .buffer as ArrayBuffer,
        ),
      });
    } else if (name === "metadata") metadata.format = rule;
    else if (name === "note") {
      metadata[rule] = JSON.parse(line.slice(name.length + rule.length + 2));
    } else if (name === "seed") generator = Generator.manualSeed(Number(rule));
    else if (name === "skip") generator.randn([Number(rule)]);
    else if (name === "pass") generator.rand([Number(rule)]);
    else throw new SyntaxError(`Cannot read the rules of weights: unknown line "${line}"`);
  }
  return { weights: joined(pieces), metadata };
}

function sizes(text: string): number[] {
  return text === "" ? [] : text.split("x").map(Number);
}

function encodedBytes(line: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(line.slice(line.lastIndexOf(" ") + 1));
}

/** Puts `name[0]`, `name[1]`, ... together, the rows of one tensor. */
function joined(pieces: readonly Weight[]): Weight[] {
  const parts = Map.groupBy(pieces, ({ name }) => name.replace(/\[\d+\]$/, ""));
  return [...parts].map(([name, found]) => {
    if (found[0]!.name === name) return found[0]!;
    const rows = found.toSorted((a, b) => a.name < b.name ? -1 : 1);
    const bytes = new Uint8Array(rows.reduce((sum, row) => sum + row.bytes.length, 0));
    rows.reduce((at, row) => (bytes.set(row.bytes, at), at + row.bytes.length), 0);
    const [, ...rest] = rows[0]!.dims;
    const height = rows.reduce((sum, row) => sum + row.dims[0]!, 0);
    return { name, dims: [height, ...rest], type: rows[0]!.type, bytes };
  });
}

/** What a drawn number is multiplied with, one factor after the other, in float32. */
function factorsOf(kind: string, dims: readonly number[]): number[] {
  const width = Math.fround(dims.slice(1).reduce((a, b) => a * b, 1) ** -0.5);
  switch (kind) {
    case "n":
      return [];
    case "e":
      return [0.5];
    case "p":
    case "w":
      return [0.2];
    case "b":
      return [0.1];
    case "u":
      return [width];
    case "m":
      return [0.8, width];
    case "q":
      return [1.5, width];
  }
  throw new SyntaxError(`Cannot read the rules of weights: unknown rule "${kind}"`);
}

/** What becomes of uniform numbers: as they are, or from -1 to 1. */
const UNIFORM: Readonly<Record<string, (number: number) => number>> = {
  r: (number) => number,
  s: (number) => number * 2 - 1,
};

function follow(
  rule: string,
  drawn: Float32Array<ArrayBuffer>,
  dims: readonly number[],
): Float32Array {
  const uniform = UNIFORM[rule];
  if (uniform !== undefined) return drawn.map(uniform);
  const [kind, scale] = rule.split("*") as [string, string?];
  const factors = factorsOf(kind, dims);
  return drawn.map((number) => {
    const scaled = factors.reduce((x, factor) => Math.fround(x * Math.fround(factor)), number);
    const moved = kind === "w" ? Math.fround(1 + scaled) : scaled;
    return scale === undefined ? moved : moved * Math.fround(Number(scale));
  });
}

if (import.meta.main) makeFixtures();
