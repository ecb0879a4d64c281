import { VERSION } from "@denoise/core";
import { listCache } from "@denoise/hub";
import { type DeviceReport, probeDevices } from "@denoise/onnx";
import type { Command } from "commander";
import { formatBytes } from "./terminal.ts";

interface Diagnosis {
  readonly denoise: string;
  readonly deno: string;
  readonly system: string;
  readonly cores: number;
  readonly memory: { readonly total: number; readonly available: number };
  readonly devices: readonly DeviceReport[];
  readonly cache: { readonly repos: number; readonly bytes: number };
  readonly token: boolean;
}

/** Adds `doctor`. */
export function addDoctor(program: Command): void {
  program.command("doctor")
    .description("what this machine can run, what is missing and how to get it")
    .option("--json", "print JSON")
    .action(async (flags: { json?: true }) => {
      const diagnosis = await diagnose();
      console.log(flags.json ? JSON.stringify(diagnosis, null, 2) : describe(diagnosis));
    });
}

async function diagnose(): Promise<Diagnosis> {
  const { total, available } = Deno.systemMemoryInfo();
  const repos = await listCache();
  return {
    denoise: VERSION,
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
    memory: { total, available },
    devices: await probeDevices(),
    cache: { repos: repos.length, bytes: repos.reduce((sum, { bytes }) => sum + bytes, 0) },
    token: Deno.env.has("HF_TOKEN"),
  };
}

function describe({ denoise, deno, system, cores, memory, devices, cache, token }: Diagnosis) {
  return [
    `denoise ${denoise}, Deno ${deno}, ${system}, ${cores} cores, ` +
    `${formatBytes(memory.available)} of ${formatBytes(memory.total)} memory free`,
    ...devices.map(({ device, available, problem }) =>
      available ? `ok  ${device}` : `--  ${device}: ${problem}`
    ),
    `cache: ${cache.repos} repos, ${formatBytes(cache.bytes)}`,
    `token of the Hub: ${token ? "HF_TOKEN is set" : "HF_TOKEN is not set (public repos only)"}`,
  ].join("\n");
}
