import { type Column, type Measurement, median } from "./run.ts";

/** All measurements by what was measured and in which column. */
export type Results = ReadonlyMap<string, ReadonlyMap<Column, readonly Measurement[]>>;

const seconds = (value: number) =>
  value < 0.1 ? `${(value * 1000).toFixed(2)} ms` : `${value.toFixed(2)} s`;

function cell(all: readonly Measurement[] | undefined): string {
  if (all === undefined) return "";
  const times = all.map((one) => one.seconds);
  const middle = median(times);
  if (Number.isNaN(middle)) return "";
  const range = times.length === 1
    ? ""
    : ` (${Math.min(...times).toPrecision(3)} to ${Math.max(...times).toPrecision(3)})`;
  const peak = median(all.map(({ peakBytes }) => peakBytes));
  return seconds(middle) + range + (Number.isNaN(peak) ? "" : `, ${(peak / 1e9).toFixed(2)} GB`);
}

/** The table: times with their range, and the peak memory of the process. */
export function markdown(results: Results, columns: readonly Column[]): string {
  const lines = [...results].map(([what, row]) =>
    `| ${[what, ...columns.map((column) => cell(row.get(column)))].join(" | ")} |`
  );
  return [
    `| what | ${columns.join(" | ")} |`,
    `| --- |${columns.map(() => " ---: |").join("")}`,
    ...lines,
  ].join("\n");
}

/** What is to be reached, and whether it is. */
export function goalsOf(results: Results, psnr: number, flags: readonly string[]): string {
  const of = (what: string, column: Column, part: keyof Measurement = "seconds") =>
    median((results.get(what)?.get(column) ?? []).map((one) => one[part]));
  const [small, large, vae] = [
    "UNet call, 32x32 latents",
    "UNet call, 64x64 latents",
    "VAE decode, 512x512",
  ];
  const hasAmx = flags.includes("amx_int8");
  const lines: string[] = [];
  const goal = (what: string, value: number, wanted: number, isLeast: boolean, unit = "x") => {
    if (Number.isNaN(value)) return;
    const isReached = isLeast ? value >= wanted : value <= wanted;
    const words = `${isLeast ? "at least" : "at most"} ${wanted} ${unit}`;
    lines.push(
      `| ${what} | ${value.toFixed(2)} ${unit} | ${words} | ${isReached ? "yes" : "no"} |`,
    );
  };
  const faster = (what: string, than: Column, column: Column, wanted: number) =>
    goal(
      `${what}: ${column} over ${than}`,
      of(what, than) / of(what, column),
      wanted,
      true,
    );
  faster(small, "torch float32", "float32", 1.5);
  faster(large, "torch float32", "float32", 1.2);
  faster(vae, "torch float32", "float32", 1.3);
  faster(small, "float32", "int8", hasAmx ? 2.8 : 1.8);
  faster(large, "float32", "int8", hasAmx ? 2.2 : 1.8);
  faster(vae, "float32", "int8", hasAmx ? 2.5 : 1.8);
  if (hasAmx) {
    faster(small, "torch bfloat16", "int8", 1);
    faster(large, "torch bfloat16", "int8", 1 / 1.2);
  }
  faster(large, "float32", "int4", 1);
  const memory = (column: Column) =>
    of(small, column, "peakBytes") / of(small, "float32", "peakBytes");
  goal("memory: int8 of float32, 32x32", memory("int8"), 0.35, false);
  goal("memory: int4 of float32, 32x32", memory("int4"), 0.2, false);
  for (const column of ["float32", "int8", "int4"] as const) {
    goal(`session from the cache: ${column}`, of(small, column, "sessionSeconds"), 3, false, "s");
  }
  goal("PSNR of int8, the worst of 50 prompts", psnr, 40, true, "dB");
  return ["| goal | measured | wanted | reached |", "| --- | ---: | ---: | :---: |", ...lines].join(
    "\n",
  );
}
