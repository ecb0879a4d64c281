/**
 * What of tests/fixtures is not tracked, made from what is: files that are the same as another, which
 * tests/fixtures/.gitignore lists, and random weights, from the rules beside them. Each
 * FILE.safetensors.rules says which numbers of torch's generator its tensors are.
 * tests/fixtures/README.md describes the format; scripts/reference/weight_rules.py writes it.
 *
 * @module
 */
import { inflateSync } from "node:zlib";

import { Generator, Tensor } from "@denoise/core";
import { drawsIn } from "./rule_lines.ts";

const FOLDERS = ["../fixtures/", "../golden/lora/"].map((path) => new URL(path, import.meta.url));

/** Makes every file that is missing or older than what it is made from; cheap where none is. */
export function makeFixtures(): void {
  const list = new URL(".gitignore", FOLDERS[0]);
  for (const { source, copies } of copiesIn(Deno.readTextFileSync(list))) {
    const from = new URL(source, list);
    for (const copy of copies) make(new URL(copy, list), from, () => Deno.readFileSync(from));
  }
  for (const folder of FOLDERS) makeAll(folder);
}

/** A tracked file of tests/fixtures and the paths of its copies, which are not tracked. */
export interface Copies {
  readonly source: string;
  readonly copies: readonly string[];
}

/** The copies that tests/fixtures/.gitignore lists, each below a comment with its source. */
export function copiesIn(list: string): Copies[] {
  return list.split(/^# /m).slice(1).map((group) => {
    const [source, ...copies] = group.trim().split("\n");
    return { source: source!, copies: copies.map((path) => path.slice(1)) };
  });
}

function makeAll(folder: URL): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const at = new URL(isDirectory ? `${name}/` : name, folder);
    if (isDirectory) makeAll(at);
    else if (name.endsWith(".rules")) {
      make(new URL(name.slice(0, -6), folder), at, () => safetensors(Deno.readTextFileSync(at)));
    }
  }
}

function make(target: URL, source: URL, bytes: () => Uint8Array<ArrayBuffer>): void {
  const made = stat(target);
  if (made !== undefined && made.mtime! >= stat(source)!.mtime!) return;
  const part = new URL(`${target.href}.${crypto.randomUUID()}`); // several test processes begin at once
  Deno.mkdirSync(new URL(".", target), { recursive: true });
  Deno.writeFileSync(part, bytes());
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
  const lines = text.split("\n").filter((line) => line !== "");
  for (let at = 0, next: number; at < lines.length; at = next) {
    const line = lines[at]!;
    for (next = at + 1; lines[next]?.startsWith(" ");) next++;
    const [name, word, size, type, bytes] = line.split(" ") as [
      string,
      string,
      string,
      Type,
      string,
    ];
    if (name === "seed") pieces.push(...drawn(Number(word), lines.slice(at + 1, next)));
    else if (name === "metadata") metadata.format = word;
    else if (name === "note") {
      metadata[word] = JSON.parse(line.slice(name.length + word.length + 2));
    } else if (word === "=") {
      pieces.push({ name, dims: sizes(size), type, bytes: Uint8Array.fromBase64(bytes) });
    } else if (word === "~") {
      const whole = new Uint8Array(inflateSync(Uint8Array.fromBase64(bytes)));
      pieces.push({ name, dims: sizes(size), type, bytes: whole });
    } else throw new SyntaxError(`Cannot read the rules of weights: unknown line "${line}"`);
  }
  return { weights: joined(pieces), metadata };
}

/** What the lines below a seed draw from its generator. */
function drawn(seed: number, lines: readonly string[]): Weight[] {
  const generator = Generator.manualSeed(seed);
  const weights: Weight[] = [];
  for (const [name, what] of drawsIn(lines)) {
    const [rule, size, type] = what.split(" ") as [string, string, Type?];
    const dims = sizes(size);
    if (name === undefined) {
      if (rule === "skip") generator.randn(dims);
      else generator.rand(dims);
      continue;
    }
    const draw = rule in UNIFORM ? generator.rand(dims) : generator.randn(dims);
    const numbers = follow(rule, draw.data as Float32Array<ArrayBuffer>, dims);
    const stored = type === "f16" ? Tensor.from(numbers).astype("float16").data : numbers;
    weights.push({
      name,
      dims,
      type: type ?? "f32",
      bytes: new Uint8Array(stored.buffer as ArrayBuffer),
    });
  }
  return weights;
}

function sizes(text: string): number[] {
  return text === "" ? [] : text.split("x").map(Number);
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
  const [kind, ...scales] = rule.split("*") as [string, ...string[]];
  const factors = factorsOf(kind, dims);
  return drawn.map((number) => {
    const scaled = factors.reduce((x, factor) => Math.fround(x * Math.fround(factor)), number);
    const moved = kind === "w" ? Math.fround(1 + scaled) : scaled;
    return scales.reduce((x, scale) => Math.fround(x * Math.fround(Number(scale))), moved);
  });
}

if (import.meta.main) makeFixtures();
