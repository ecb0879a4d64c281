import { loadIpAdapter, setIpAdapterScale } from "@denoise/ip-adapter";
import type { AnyPipeline } from "@denoise/loading";
import { loadLoraWeights } from "@denoise/lora";
import { loadTextualInversion } from "@denoise/textual-inversion";
import { InvalidArgumentError } from "commander";

/** A file, and what stands behind its colon. */
interface FileWith<T> {
  readonly file: string;
  readonly value: T | undefined;
}

/** What changes a loaded model, as flags. */
export interface AdapterFlags {
  readonly lora: readonly FileWith<number>[];
  readonly ipAdapter: readonly FileWith<number>[];
  readonly textualInversion: readonly FileWith<string>[];
}

/** Reads `file.safetensors` or `file.safetensors:0.8`. */
export function fileWithNumber(text: string): FileWith<number> {
  const [_, file, number] = text.match(/^(.*\.(?:safetensors|bin|pt|ckpt)):(.*)$/) ?? [];
  if (file === undefined) return { file: text, value: undefined };
  const value = number!.trim() === "" ? NaN : Number(number);
  if (!Number.isFinite(value)) {
    throw new InvalidArgumentError(
      'Behind the colon there must be a number, as in "x.safetensors:0.8".',
    );
  }
  return { file, value };
}

/** Reads `file.safetensors` or `file.safetensors:<word>`. */
export function fileWithWord(text: string): FileWith<string> {
  const [_, file = text, value] = text.match(/^(.*\.(?:safetensors|bin|pt)):(.+)$/) ?? [];
  return { file, value };
}

/** Loads what the flags name into a pipeline. */
export async function loadAdapters(
  pipe: AnyPipeline,
  { lora, ipAdapter, textualInversion }: AdapterFlags,
): Promise<void> {
  for (const { file, value } of lora) {
    await loadLoraWeights(pipe, file, value === undefined ? {} : { weight: value });
  }
  for (const { file, value } of textualInversion) {
    await loadTextualInversion(pipe, file, value === undefined ? {} : { token: value });
  }
  if (ipAdapter.length === 0) return;
  const folder = ipAdapter[0]!.file.replace(/[^/]*$/, "") || ".";
  const names = ipAdapter.map(({ file }) => file.replace(/^.*\//, ""));
  const elsewhere = ipAdapter.find(({ file }) => (file.replace(/[^/]*$/, "") || ".") !== folder);
  if (elsewhere !== undefined) {
    throw new TypeError(
      `Cannot use IP-Adapters of several folders: ${elsewhere.file} lies outside of ${folder}`,
    );
  }
  await loadIpAdapter(pipe, folder, { weightName: names });
  await setIpAdapterScale(pipe, ipAdapter.map(({ value = 1 }) => value));
}
