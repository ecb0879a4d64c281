import { listCache, prefetch, removeFromCache, verify } from "@denoise/hub";
import type { Command } from "commander";
import { interruptible } from "./interrupt.ts";
import { downloadBar, formatBytes } from "./terminal.ts";

/** Adds `prefetch`, `verify` and `cache`. */
export function addCacheCommands(program: Command): void {
  program.command("prefetch")
    .description("download a repo, to run it later with no network")
    .argument("<id>", "Hub id of a diffusers repo")
    .option("--revision <name>", "branch, tag or commit of the repo")
    .option("--variant <name>", 'which weights, such as "fp16"')
    .action(async (id: string, flags: { revision?: string; variant?: string }) => {
      const bar = downloadBar();
      const repo = await interruptible((signal) =>
        prefetch(id, { ...flags, signal, onProgress: bar.onProgress })
      ).finally(bar.stop);
      console.log(repo.path);
    });

  program.command("verify")
    .description("hash a downloaded repo again and mend what is broken")
    .argument("<id>", "Hub id of a diffusers repo")
    .option("--revision <name>", "branch, tag or commit of the repo")
    .action(async (id: string, flags: { revision?: string }) => {
      const report = await interruptible((signal) => verify(id, { ...flags, signal }));
      for (const { file, problem, mended } of report.broken) {
        console.log(`${file}: wrong ${problem}, ${mended ? "mended" : "not mended"}`);
      }
      const left = report.broken.filter(({ mended }) => !mended).length;
      if (left > 0) throw new Error(`Cannot mend ${left} of ${report.files} files of ${id}`);
      console.log(`${report.files} files are whole`);
    });

  const cache = program.command("cache").description("what was downloaded");
  addList(cache.command("list", { isDefault: true }).alias("ls"));
  addRemove(cache.command("remove").alias("rm"));
  addList(program.command("ls"));
  addRemove(program.command("rm"));
}

function addList(command: Command): void {
  command.description("list the repos in the cache")
    .action(async () => {
      const repos = await listCache();
      for (const { id, bytes, commits } of repos) {
        const refs = commits.flatMap((commit) => commit.refs).join(", ");
        console.log(`${formatBytes(bytes).padStart(10)}  ${id}  ${refs}`);
      }
      if (repos.length === 0) console.log("the cache is empty");
    });
}

function addRemove(command: Command): void {
  command.description("remove a repo from the cache")
    .argument("<id>", "Hub id")
    .option("--revision <name>", "only that branch, tag or commit")
    .action(async (id: string, flags: { revision?: string }) => {
      console.log(`${formatBytes(await removeFromCache(id, flags))} freed`);
    });
}
