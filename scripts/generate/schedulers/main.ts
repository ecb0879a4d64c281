/**
 * `deno task schedulers [--steps N] [--drawn-steps N] [--model ID] [--prompt TEXT] [--seed N]`: prints a table of all
 * schedulers, plots their noise levels into docs/images/schedulers.svg and draws one prompt and seed
 * with each into docs/images/schedulers-sheet.svg, in few steps, as they differ most then. The table
 * goes between the marks of docs/schedulers.md.
 *
 * @module
 */
import { diffusionPipeline } from "@denoise/loading";
import { id } from "@denoise/embedded-emoji";
import { parseArgs } from "node:util";
import { registry } from "../../../plugins/registry.ts";
import { allFacts, type SchedulerFacts } from "./facts.ts";
import { plotLevels } from "./plot.ts";
import { drawWithAll, labelledSheet } from "./sheet.ts";

const DOCS = new URL("../../../docs/", import.meta.url);
const COLUMNS = 6;

function table(facts: readonly SchedulerFacts[]): string {
  const rows = facts.map(({ className, package: name, calls, stochastic, takes }) =>
    `| ${className} | ${name} | ${calls} | ${stochastic ? "yes" : "no"} | ${takes.join(", ")} |`
  );
  return [
    "| class | package | model calls a step | draws noise | own plan |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`. */
function fill(page: string, name: string, text: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from === -1 || to === -1) {
    throw new SyntaxError(`docs/schedulers.md lacks ${start} ... ${end}`);
  }
  return `${page.slice(0, from + start.length)}\n${text}\n${page.slice(to)}`;
}

const { values: flags } = parseArgs({
  options: {
    steps: { type: "string", default: "20" },
    "drawn-steps": { type: "string", default: "4" },
    model: { type: "string", default: id },
    prompt: { type: "string", default: "red apple on a blue background" },
    seed: { type: "string", default: "7" },
  },
});
const steps = Number(flags.steps);
const facts = await allFacts(registry, steps);
console.log(table(facts));
await Deno.mkdir(new URL("images/", DOCS), { recursive: true });
await Deno.writeTextFile(new URL("images/schedulers.svg", DOCS), await plotLevels(facts));

const pipe = await diffusionPipeline(registry).fromPretrained(flags.model);
const { entries, left } = await drawWithAll(pipe, registry, flags.prompt, {
  numInferenceSteps: Number(flags["drawn-steps"]),
  seed: BigInt(flags.seed),
});
await Deno.writeTextFile(
  new URL("images/schedulers-sheet.svg", DOCS),
  await labelledSheet(entries, COLUMNS),
);
for (const [className, reason] of left) console.log(`no image by ${className}: ${reason}`);

const file = new URL("schedulers.md", DOCS);
const page = fill(await Deno.readTextFile(file), "table", table(facts));
await Deno.writeTextFile(file, page);
