import { registry as builtIn } from "@denoise/denoise/registry";
import { listCache } from "@denoise/hub";
import type { Command } from "commander";
import { BUNDLED, shortName } from "./names.ts";
import { addPlugins, PLUGIN } from "./plugins.ts";
import { formatBytes } from "./terminal.ts";

interface ListFlags {
  readonly json?: true;
  readonly plugin: readonly string[];
}

/** Adds `schedulers` and `models`. */
export function addListings(program: Command): void {
  program.command("schedulers")
    .description("the schedulers that there are, by the names that --scheduler takes")
    .option(...PLUGIN)
    .option("--json", "print JSON")
    .action(async ({ json, plugin }: ListFlags) => {
      const registry = await addPlugins(builtIn, plugin);
      const rows = registry.names("scheduler").map((className) => ({
        name: shortName(className),
        className,
        package: registry.packageOf(className)!,
      }));
      if (json) return console.log(JSON.stringify(rows, null, 2));
      const width = Math.max(...rows.map(({ name }) => name.length));
      for (const { name, className } of rows) console.log(`${name.padEnd(width)}  ${className}`);
    });

  program.command("models")
    .description("the models that are at hand, and the families whose repos run")
    .option(...PLUGIN)
    .option("--json", "print JSON")
    .action(async ({ json, plugin }: ListFlags) => {
      const registry = await addPlugins(builtIn, plugin);
      const downloaded = (await listCache()).map(({ id, bytes }) => ({ id, bytes }));
      const families = new Map<string, Set<string>>();
      for (const { family, task } of registry.pipelines()) {
        families.set(family, (families.get(family) ?? new Set()).add(task));
      }
      if (json) {
        const entries = [...families].map(([family, tasks]) => [family, [...tasks]]);
        const all = { bundled: BUNDLED, downloaded, families: Object.fromEntries(entries) };
        return console.log(JSON.stringify(all, null, 2));
      }
      console.log("shipped with denoise");
      for (const id of BUNDLED) console.log(`  ${id}`);
      console.log("downloaded");
      for (const { id, bytes } of downloaded) console.log(`  ${id}  ${formatBytes(bytes)}`);
      if (downloaded.length === 0) console.log("  none");
      console.log("families of the Hub that run (--model OWNER/NAME)");
      for (const [family, tasks] of [...families].sort(([a], [b]) => a < b ? -1 : 1)) {
        console.log(`  ${family}: ${[...tasks].join(", ")}`);
      }
    });
}
