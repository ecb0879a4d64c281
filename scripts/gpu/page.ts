/**
 * `deno run -A scripts/gpu/page.ts [--note TEXT] 'what was measured=gpu.json' ...`: writes the section on
 * GPUs of docs/benchmarks.md from what the kit left. Several files are several states of the project, the
 * first before the others; a later file's figures of torch stand where both have some.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { writeSection } from "../bench/page.ts";

type Row = Readonly<Record<string, unknown>>;
type Result = Readonly<Record<string, Row | undefined>>;

/** The models that are measured, and what a call of them is. */
const MODELS: Readonly<Record<string, string>> = {
  sd15: "UNet of Stable Diffusion 1.5, 2 x 64x64 latents",
  sdxl: "UNet of Stable Diffusion XL, 2 x 128x128 latents",
  vae: "decoder of its autoencoder, 512x512",
  vae1024: "decoder of its autoencoder, 1024x1024",
  flux: "transformer of FLUX.1 (12 billion parameters), 1024x1024",
  zimage: "transformer of Z-Image, 1024x1024",
};

function number(row: unknown, name: string): number | undefined {
  const value = (row as Row | undefined)?.[name];
  return typeof value === "number" ? value : undefined;
}

function text(value: number | undefined, digits = 1): string {
  return value === undefined ? "" : value.toFixed(digits);
}

interface State {
  readonly label: string;
  readonly result: Result;
}

/** Times of a call, in ms: torch's, and the project's in each state. */
function times(states: readonly State[]): string[] {
  const columns = ["torch eager", "torch channels_last", "torch compile"];
  const labels = states.map((_, index) => `state ${index + 1}`);
  const head = ["a call, ms", ...columns.map((name) => name.replace("torch ", "torch, "))]
    .concat(labels, "ratio to torch, eager", "ratio to torch, compiled");
  const rows = Object.entries(MODELS).flatMap(([name, what]) => {
    const found = states.map(({ result }) => result[name]);
    const last = found.findLast((row) => row !== undefined);
    if (last === undefined || number(last["torch eager"], "ms") === undefined) return [];
    const torch = columns.map((column) =>
      found.map((row) => number(row?.[column], "ms")).findLast((ms) => ms !== undefined)
    );
    const ours = found.map((row) => number(row?.native ?? row?.binding, "ms"));
    const now = ours.findLast((ms) => ms !== undefined);
    const ratio = (ms: number | undefined) =>
      ms === undefined || now === undefined ? "" : `${(ms / now).toFixed(2)}x as fast`;
    const made = last.made as Row | undefined;
    return [[`${what}, ${made?.dtype ?? "float16"}`, ...torch.map((ms) => text(ms))]
      .concat(ours.map((ms) => text(ms)), ratio(torch[0]), ratio(torch[2]))];
  });
  return table(head, rows);
}

/** Memory, start and how far the outputs are from float32. */
function others(states: readonly State[]): string[] {
  const head = ["", "session and first call, s", "card, GB", "torch's peak, GB"]
    .concat("apart from torch's float32", "torch's own half precision");
  const rows = Object.entries(MODELS).flatMap(([name, what]) => {
    const row = states.map(({ result }) => result[name]).findLast((one) => one !== undefined);
    const own = row?.native ?? row?.binding;
    if (number(own, "ms") === undefined) return [];
    return [[
      what,
      text(number(own, "firstMs")! / 1000),
      text(number(own, "cardGB"), 2),
      text(number(row!["torch eager"], "peakGB"), 2),
      text(number(own, "full"), 4),
      text(number(row!.made, "relative"), 4),
    ]];
  });
  return table(head, rows);
}

/** Where the time of a call goes, as far as it was looked into. */
function kernels(states: readonly State[]): string[] {
  const at = states.findLastIndex(({ result }) => result.kernels !== undefined);
  const found = states[at]?.result.kernels;
  return Object.entries(found ?? {}).flatMap(([name, value]) => {
    const { us, kernels } = value as { us?: number; kernels?: { kernel: string; us: number }[] };
    if (us === undefined || kernels === undefined) return [];
    const parts = kernels.slice(0, 3).map(({ kernel, us }) =>
      `${kernel.replace(/^void /, "").split(/[<(]/)[0]} ${(us / 1000).toFixed(1)}`
    );
    const sum = `${(us / 1000).toFixed(1)} ms in kernels in state ${at + 1}`;
    return [`${MODELS[name]}: ${sum}, of it ${parts.join(", ")}.`];
  });
}

/** How the models of tests/fixtures stand against the reference. */
function parity(states: readonly State[]): string[] {
  const rows = states.flatMap(({ result }, index) =>
    ["float32", "float16", "bfloat16"].flatMap((dtype) =>
      Object.entries(result[dtype] ?? {}).flatMap(([engine, value]) => {
        const { calls, median, wrong, errors } = value as {
          calls?: number;
          median?: number;
          wrong?: unknown[];
          errors?: unknown[];
        };
        if (calls === undefined) return [];
        const counts = [calls, wrong?.length ?? 0, errors?.length ?? 0].map(String);
        return [[`${dtype}, ${engine}`, `${index + 1}`, ...counts, median?.toExponential(1) ?? ""]];
      })
    )
  );
  const head = ["calls of the test models", "state", "made", "apart by more than allowed"];
  return table([...head, "not made", "median difference"], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, index) => index === 0 ? "---" : "---:");
  return [line(head), line(rule), ...rows.map(line), ""];
}

/** The section; what has changed since the last state is a note. */
export function section(states: readonly State[], note = ""): string {
  const last = states.at(-1)!.result;
  const made = Object.keys(MODELS).map((name) => last[name]?.made as Row | undefined)
    .find((row) => row?.card !== undefined);
  return [
    "## On a GPU",
    "",
    "`deno task gpu` on one machine with a card and no network: diffusers on torch and this project on the",
    "same random weights, in turns, each call from tensors in the host's memory (torch's lie on the card) to",
    'its end; medians of 20 calls. torch compiled is `torch.compile(mode="reduce-overhead", fullgraph=True)`',
    "of a channels-last model. States of the project, in the order they were measured:",
    "",
    ...states.map(({ label }, index) => `${index + 1}. ${label}`),
    "",
    ...(note === "" ? [] : [note, ""]),
    `- Machine: ${made?.card ?? "?"}; torch ${made?.torch ?? "?"}`,
    "",
    ...times(states),
    ...others(states),
    ...kernels(states).flatMap((line) => [line, ""]),
    ...parity(states),
    "Allowed is 3e-4 in float32; in half precision twice the most that diffusers itself is off in that",
    "precision in any call of the model (scripts/gpu/half_errors.json).",
  ].join("\n");
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { note: { type: "string" } },
    allowPositionals: true,
  });
  const states = await Promise.all(positionals.map(async (arg) => {
    const at = arg.lastIndexOf("=");
    const result = JSON.parse(await Deno.readTextFile(arg.slice(at + 1))) as Result;
    return { label: arg.slice(0, at), result };
  }));
  await writeSection("bench:gpu", section(states, values.note));
}
