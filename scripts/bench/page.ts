/**
 * docs/benchmarks.md, and what its parts say of the machine.
 *
 * @module
 */
import { cpus, totalmem } from "node:os";

const FILE = new URL("../../docs/benchmarks.md", import.meta.url);

/** Puts a text between the markers of that name in docs/benchmarks.md; at its end when they are new. */
export async function writeSection(name: string, text: string): Promise<void> {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const page = await Deno.readTextFile(FILE);
  const section = `${begin}\n${text.trim()}\n${end}`;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  const written = from < 0 || to < from
    ? `${page.trimEnd()}\n\n${section}\n`
    : `${page.slice(0, from)}${section}${page.slice(to + end.length)}`;
  await Deno.writeTextFile(FILE, written);
}

/** The machine that this runs on. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpu?.model.trim()}, ${cpus().length} logical cores, ${memory} GB, ${Deno.build.target}`;
}

/** Instructions for vectors and matrices that the processor has, as Linux names them. */
export async function processorFlags(): Promise<string[]> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const flags = /^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(" ") ?? [];
  return flags.filter((flag) =>
    /^(avx2|avx512f|avx512_vnni|avx_vnni|avx512_bf16|amx_.*)$/.test(flag)
  );
}

/** The version of onnxruntime-node that deno.lock names. */
export async function runtimeVersion(): Promise<string> {
  const lock = await Deno.readTextFile(new URL("../../deno.lock", import.meta.url));
  return /onnxruntime-node@([\d.]+)/.exec(lock)?.[1] ?? "unknown";
}
