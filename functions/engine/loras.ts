import { DenoiseError, joinPath } from "@denoise/core";
import type { AnyPipeline } from "@denoise/loading";
import { loadLoraWeights, setAdapters, unloadLoraWeights } from "@denoise/lora";
import { invalid } from "../contract/errors.ts";
import type { LoraUse } from "../contract/job.ts";

const ENDING = ".safetensors";

/** The files of LoRAs in a folder and the folders in it, by their names without the ending. */
export async function findLoras(folder: string | undefined): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  if (folder === undefined) return found;
  const folders = [folder];
  for (const inner of folders) {
    const entries = (await Array.fromAsync(Deno.readDir(inner)))
      .sort((a, b) => a.name < b.name ? -1 : 1);
    for (const { name, isDirectory } of entries) {
      if (isDirectory) folders.push(joinPath(inner, name));
      const stem = name.slice(0, -ENDING.length);
      if (name.endsWith(ENDING) && !found.has(stem)) found.set(stem, joinPath(inner, name));
    }
  }
  return found;
}

/** The LoRAs of a model's runs: a run that wants the same as the one before changes nothing. */
export class LoraSwitch {
  readonly #pipe: AnyPipeline;
  readonly #folder: string | undefined;
  #inUse = "[]";

  constructor(pipe: AnyPipeline, folder: string | undefined) {
    this.#pipe = pipe;
    this.#folder = folder;
  }

  /**
   * Applies these LoRAs, and no others, to the model.
   *
   * @throws {ServeError} `invalid_input` for one that is not there, or of another model; none is
   *   applied then.
   */
  async use(loras: readonly LoraUse[], onWarning: (message: string) => void): Promise<void> {
    const wanted = JSON.stringify(loras);
    if (wanted === this.#inUse) return;
    const files = loras.length === 0 ? new Map<string, string>() : await findLoras(this.#folder);
    for (const { name } of loras) checkThere(name, files);
    await unloadLoraWeights(this.#pipe);
    this.#inUse = "[]";
    try {
      const names = loras.map(({ name }, i) => `${i} ${name}`);
      for (const [i, { name }] of loras.entries()) {
        await loadLoraWeights(this.#pipe, files.get(name)!, { adapterName: names[i], onWarning });
      }
      if (loras.length > 0) await setAdapters(this.#pipe, names, loras.map(weightsOf(this.#pipe)));
      this.#inUse = wanted;
    } catch (error) {
      await unloadLoraWeights(this.#pipe);
      if (!(error instanceof DenoiseError || error instanceof RangeError)) throw error;
      throw invalid("loras", nameless(error.message, files));
    }
  }
}

function checkThere(name: string, files: ReadonlyMap<string, string>): void {
  if (files.has(name)) return;
  const known = [...files.keys()].join(", ");
  throw invalid(
    "loras",
    `Cannot use the LoRA ${JSON.stringify(name.slice(0, 100))}: ` +
      (known === "" ? "this server has none" : `there are ${known}`),
  );
}

/** A message without the folders of this machine. */
function nameless(message: string, files: ReadonlyMap<string, string>): string {
  return [...files].reduce((text, [name, file]) => text.replaceAll(file, name), message);
}

/** Weights by component, where text encoders have their own. */
function weightsOf({ components }: AnyPipeline) {
  return ({ weight, textWeight = weight }: LoraUse) =>
    textWeight === weight ? weight : Object.fromEntries(
      ["unet", "textEncoder", "textEncoder2"].filter((role) => Boolean(components[role]))
        .map((role) => [role, role === "unet" ? weight : textWeight]),
    );
}
