import { isFolder, type Model, type Registry } from "@denoise/core";
import { diffusionPipeline } from "@denoise/loading";
import { inspect, type InspectReport } from "@denoise/hub";
import type { Command } from "commander";
import { registry as builtIn } from "@denoise/denoise/registry";
import { ownOptionsLine } from "./own_options.ts";
import { addPlugins, PLUGIN } from "./plugins.ts";
import { formatBytes, formatCount } from "./terminal.ts";

interface InspectFlags {
  readonly revision?: string;
  readonly variant?: string;
  readonly json?: true;
  readonly plugin: readonly string[];
}

/** Adds `inspect ID`. */
export function addInspect(program: Command): void {
  program.command("inspect")
    .description("what a repo holds and needs, without downloading its weights")
    .argument("<id>", "Hub id or folder of a diffusers repo")
    .option("--revision <name>", "branch, tag or commit of the repo")
    .option("--variant <name>", 'which weights, such as "fp16"')
    .option(...PLUGIN)
    .option("--json", "print JSON")
    .action(async (id: string, flags: InspectFlags) => {
      const { json, plugin, ...options } = flags;
      const registry = await addPlugins(builtIn, plugin);
      if (await isFolder(id) || registry.sourceFor(id)?.name === "bundled") {
        console.log(await describeFolder(id, json, registry));
        return;
      }
      const report = await inspect(id, { ...options, registry });
      if (json) return console.log(JSON.stringify(report, null, 2));
      const own = await ownOptionsLine(report.pipeline, registry);
      console.log([describeReport(report), own ?? ""].join("\n").trimEnd());
    });
}

/** A folder is loaded, which builds its graphs and checks every tensor, but not run. */
async function describeFolder(
  id: string,
  json: true | undefined,
  registry: Registry,
): Promise<string> {
  const pipe = await diffusionPipeline(registry).fromPretrained(id);
  const models = Object.entries(pipe.components)
    .filter(([_, part]) => (part as Model | null)?.numParameters !== undefined)
    .map(([role, part]) => {
      const { className, numParameters } = part as Model;
      return { role, className, parameters: numParameters };
    });
  if (json) return JSON.stringify({ ...pipe.config, models }, null, 2);
  const lines = models.map(({ role, className, parameters }) =>
    `${role.padEnd(18)} ${className.padEnd(30)} ${formatCount(parameters)}`
  );
  const options = await ownOptionsLine(pipe.className, registry);
  return [String(pipe).trim(), ...lines, options ?? ""].join("\n").trimEnd();
}

function describeReport(report: InspectReport): string {
  const { id, commit, pipeline, isAvailable, components, downloadBytes, memoryBytes } = report;
  const lines = components.flatMap((component) => {
    const mark = component.isAvailable ? " " : "!";
    const size = component.parameters > 0 ? formatCount(component.parameters) : "";
    return [
      `${mark} ${component.role.padEnd(18)} ${component.className.padEnd(30)} ${size}`,
      ...component.problems.map((problem) => `    ${problem.message}`),
    ];
  });
  return [
    `${id} at ${commit.slice(0, 12)}`,
    `${isAvailable ? " " : "!"} ${pipeline}`,
    ...lines,
    `${formatCount(report.parameters)} parameters, ${formatBytes(downloadBytes)} to download, ` +
    `about ${formatBytes(memoryBytes)} of memory`,
    ...report.problems,
    ...(lines.some((line) => line.startsWith("!")) ? ["! no plugin provides this class"] : []),
  ].join("\n");
}
