import { joinPath, type Registry } from "@denoise/core";
import { ServeError, withoutPaths } from "../contract/errors.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { BrokenModel, ModelOptions } from "./engine.ts";
import { ControlNets } from "./control_nets.ts";
import { type LoadedModel, loadModel } from "./loaded_model.ts";
import type { LocatedModel } from "./locate.ts";
import { unavailable } from "./unavailable.ts";

/** A model of the catalogue. */
interface Shelved {
  readonly location: LocatedModel;
  readonly info: ModelInfo;
  /** Bytes of its weights' files, about what it takes in memory. */
  readonly bytes: number;
  model: LoadedModel | undefined;
  /** Runs that use it now. */
  users: number;
  usedAt: number;
}

/**
 * The models of a server: each was loaded once, to see that it can be and what it does, and is loaded
 * again when a run asks for it. As many as there is memory for stay; the least recently used one that is
 * neither pinned nor in use makes room.
 */
export class ModelShelf {
  readonly #registry: Registry;
  readonly #options: ModelOptions;
  readonly #models = new Map<string, Shelved>();
  readonly #broken: BrokenModel[] = [];
  readonly #controlNets: ControlNets;
  readonly #onChange: () => void;
  #loading: Promise<unknown> = Promise.resolve();
  #uses = 0;

  /** `onChange` is called when a model has been loaded, or has made room. */
  constructor(registry: Registry, options: ModelOptions, onChange: () => void) {
    this.#registry = registry;
    this.#options = options;
    this.#controlNets = new ControlNets(registry, options);
    this.#onChange = onChange;
  }

  /** The models that can be used, in the order of the settings. */
  get infos(): ModelInfo[] {
    return [...this.#models.values()].map(({ info, bytes, model }) => ({
      ...info,
      bytes,
      state: model === undefined ? "unloaded" : "loaded",
    }));
  }

  /** The models that cannot be loaded. */
  get broken(): readonly BrokenModel[] {
    return this.#broken;
  }

  /**
   * Loads each model once; one that is broken does not stop the others.
   *
   * @param controlNets Where the ControlNets lie that runs can name.
   * @param tryOut Makes something with it.
   * @returns Milliseconds of it all, without trying out.
   * @throws {Error} what is wrong with the first, when all are broken.
   */
  async open(
    located: readonly LocatedModel[],
    controlNets: readonly LocatedModel[],
    tryOut: (model: LoadedModel) => Promise<void>,
  ): Promise<number> {
    for (const location of controlNets) {
      await this.#controlNets.add(location).catch((error) => this.#isBroken(location.id, error));
    }
    let loadMs = 0;
    let first: unknown;
    const found = new Map<string, Shelved>();
    for (const location of located.toReversed()) { // so those that are named first stay
      let model: LoadedModel | undefined;
      try {
        const began = performance.now();
        const bytes = await weightBytes(location.path);
        await this.#makeRoom(bytes, found);
        model = await loadModel(location, this.#registry, this.#options, this.#controlNets);
        loadMs += performance.now() - began;
        await tryOut(model);
        const shelved = {
          location,
          info: model.info,
          bytes,
          model,
          users: 0,
          usedAt: this.#uses++,
        };
        found.set(location.id, shelved);
      } catch (error) {
        first = error;
        await model?.dispose();
        this.#isBroken(location.id, error);
      }
    }
    for (const { id } of located) {
      const shelved = found.get(id);
      if (shelved !== undefined) this.#models.set(id, shelved);
    }
    if (this.#models.size === 0 && first !== undefined) throw first;
    for (const { id } of controlNets) {
      const isOne = ({ id: other }: { id: string }) => other === id;
      const isUsed = [...found.values()].some(({ info }) =>
        Object.hasOwn(info.controlNets ?? {}, id)
      );
      if (isUsed || this.#broken.some(isOne)) continue;
      this.#isBroken(id, new Error("It was made for none of the models here"));
    }
    return loadMs;
  }

  #isBroken(id: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#broken.push({ id, message: withoutPaths(message) });
  }

  /**
   * Uses a model, which is loaded if it has to be, and stays as long as it is used.
   *
   * @throws {ServeError} `model_not_found`; `model_unavailable` when it cannot be loaded any more.
   */
  async use<T>(
    id: string,
    run: (model: LoadedModel) => T,
  ): Promise<{ result: T; end: () => void }> {
    const shelved = this.#models.get(id);
    if (shelved === undefined) {
      throw new ServeError("model_not_found", `There is no model ${JSON.stringify(id)}`);
    }
    shelved.users++;
    shelved.usedAt = this.#uses++;
    const end = (): void => void shelved.users--;
    try {
      const loaded = this.#loading.then(() => this.#loaded(shelved));
      this.#loading = loaded.catch(() => {});
      return { result: run(await loaded), end };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Gives the memory of all of them back. */
  async dispose(): Promise<void> {
    for (const { model } of this.#models.values()) await model?.dispose();
    await this.#controlNets.dispose();
  }

  async #loaded(shelved: Shelved): Promise<LoadedModel> {
    if (shelved.model !== undefined) return shelved.model;
    try {
      await this.#makeRoom(shelved.bytes, this.#models);
      shelved.model = await loadModel(
        shelved.location,
        this.#registry,
        this.#options,
        this.#controlNets,
      );
    } catch (error) {
      throw unavailable(error instanceof Error ? error : new Error(String(error)));
    }
    this.#onChange();
    return shelved.model;
  }

  /** Those that are in use stay, though they are too many then. */
  async #makeRoom(bytes: number, among: ReadonlyMap<string, Shelved>): Promise<void> {
    const { maxLoaded = Infinity, maxModelBytes = Infinity, pinned = [] } = this.#options;
    for (;;) {
      const loaded = [...among.values()].filter(({ model }) => model !== undefined);
      const taken = loaded.reduce((sum, { bytes }) => sum + bytes, 0);
      if (loaded.length < maxLoaded && taken + bytes <= maxModelBytes) return;
      const [oldest] = loaded
        .filter(({ users, location }) => users === 0 && !pinned.includes(location.id))
        .sort((a, b) => a.usedAt - b.usedAt);
      if (oldest === undefined) return;
      const { model } = oldest;
      oldest.model = undefined;
      await model?.dispose();
      this.#onChange();
    }
  }
}

/** Bytes of the weights in a folder. */
async function weightBytes(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = joinPath(folder, name);
    if (isDirectory) bytes += await weightBytes(path);
    else if (name.endsWith(".safetensors")) bytes += (await Deno.stat(path)).size;
  }
  return bytes;
}
