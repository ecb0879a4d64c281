/**
 * `deno task bench:serve [--quick] [--soak MINUTES]`: what serving costs, from this process over loopback to a server in
 * another. Prints each figure and writes them into docs/benchmarks.md; `--quick` does a tenth of
 * everything once, and writes nothing; `--soak 60` puts an hour of mixed load on a server instead (less
 * than an hour is not written).
 *
 * @module
 */
import { getPriority } from "node:os";
import { parseArgs } from "node:util";
import { machine, runtimeVersion, writeSection } from "../page.ts";
import { quiet } from "./machine.ts";
import { measure, type Row, soakRows } from "./rows.ts";

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function text(value: number, unit: Row["unit"]): string {
  const digits = unit === "of 10,000" || Math.abs(value) >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${unit}`;
}

function cells({ what, values, unit, goal }: Row): string[] {
  const value = middle(values);
  const range = values.length === 1
    ? ""
    : `${text(Math.min(...values), unit)} to ${text(Math.max(...values), unit)}`;
  if (goal === undefined) return [what, text(value, unit), range, "", ""];
  const reached = "most" in goal ? value <= goal.most : value >= goal.least;
  const wanted = "most" in goal ? `at most ${goal.most} ${unit}` : `at least ${goal.least} ${unit}`;
  return [what, text(value, unit), range, wanted, reached ? "yes" : "no"];
}

/** Set where this program, and so what it starts, goes before others. */
function priority(): string {
  const nice = getPriority();
  return nice === 0 ? "" : `; the measurement ran at nice ${nice}`;
}

const { values: { quick, help, soak } } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
    soak: { type: "string" },
  },
});
if (help) {
  console.log(
    "deno task bench:serve [--quick] [--soak MINUTES]: measures serving and writes docs/benchmarks.md; --quick does a " +
      "tenth, and writes nothing; --soak puts mixed load on a server for that long instead",
  );
  Deno.exit();
}
const minutes = soak === undefined ? undefined : Number(soak);
if (minutes !== undefined && !(minutes >= 1 && minutes <= 1_440)) {
  console.error(`--soak must be minutes from 1 to 1440, but is ${JSON.stringify(soak)}`);
  Deno.exit(2);
}
const size = quick
  ? { rounds: 1, divisor: 10, quietMs: 0 }
  : { rounds: 3, divisor: 1, quietMs: 5_000 };
const before = await quiet(0);
const lines: string[] = [];
for await (const row of minutes === undefined ? measure(size) : soakRows(minutes)) {
  const line = `| ${cells(row).join(" | ")} |`;
  console.log(line);
  lines.push(line);
}
const after = await quiet(0);
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
const facts = `- Machine: ${machine()}
- Versions: Deno ${Deno.version.deno}, onnxruntime-node ${await runtimeVersion()}
- Other programs took ${percent(before)} of the cores before, ${percent(after)} after${priority()}

| what | measured | rounds | goal | reached |
| --- | ---: | ---: | ---: | :---: |
${lines.join("\n")}
`;
const soakPage = `## Serving for long

\`deno task bench:serve --soak ${minutes}\`: images, streams, predictions, cancellations, callers who go, wrong and large bodies
at random, from 16 callers at once, to \`deno task serve\` with the embedded model.

${facts}`;
const page = `## Serving

\`deno task bench:serve\`: a client process on the same machine, over loopback, to \`deno task serve\` with the embedded
model. The rows on steps, refusals and memory take models that only keep time, over the same engine process. Medians,
with the range of all rounds beside them; client, server and engine share the cores. Overhead is what a request takes at
its client less what its pipeline call took, encoding included. Refusals come over plain sockets that are open, unless the
row says otherwise.

${facts}`;
if (quick || minutes !== undefined && minutes < 60) console.log("nothing is written");
else if (minutes === undefined) await writeSection("bench:serve", page);
else await writeSection("bench:serve-soak", soakPage);
