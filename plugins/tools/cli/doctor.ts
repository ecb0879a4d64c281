import { freemem, totalmem } from "node:os";
import process from "node:process";
import { runtime, VERSION } from "@denoise/core";
import { listCache, tokenOrigin } from "@denoise/hub";
import { type DeviceReport, probeDevices } from "@denoise/onnx";
import type { Command } from "commander";
import { formatBytes } from "./terminal.ts";

interface Diagnosis {
  readonly denoise: string;
  /** `Deno 2.9.6`, or another that runs this. */
  readonly runtime: string;
  readonly system: string;
  readonly cores: number;
  readonly memory: { readonly total: number; readonly available: number };
  readonly devices: readonly DeviceReport[];
  readonly cache: { readonly repos: number; readonly bytes: number };
  /** Where the Hub's token lies, or why it is none; null where there is none. */
  readonly token: string | null;
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

const RUNTIMES = { deno: "Deno", node: "Node.js", bun: "Bun" } as const;

async function diagnose(): Promise<Diagnosis> {
  const repos = await listCache();
  return {
    denoise: VERSION,
    runtime: `${RUNTIMES[runtime]} ${process.versions[runtime]}`,
    system: `${process.platform} ${process.arch}`,
    cores: navigator.hardwareConcurrency,
    memory: { total: totalmem(), available: freemem() },
    devices: await probeDevices(),
    cache: { repos: repos.length, bytes: repos.reduce((sum, { bytes }) => sum + bytes, 0) },
    token: await tokenOrigin().catch((error) => error.message) ?? null,
  };
}

function describe({ denoise, runtime, system, cores, memory, devices, cache, token }: Diagnosis) {
  return [
    `denoise ${denoise}, ${runtime}, ${system}, ${cores} cores, ` +
    `${formatBytes(memory.available)} of ${formatBytes(memory.total)} memory free`,
    ...devices.map(({ device, available, problem }) =>
      available ? `ok  ${device}` : `--  ${device}: ${problem}`
    ),
    `cache: ${cache.repos} repos, ${formatBytes(cache.bytes)}`,
    `token of the Hub: ${token ?? "none (public repos only; set HF_TOKEN for others)"}`,
  ].join("\n");
}
