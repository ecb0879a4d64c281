import { readFile } from "node:fs/promises";
import { type JsonObject, parseConfig } from "./config.ts";
import { DenoiseError } from "./errors.ts";
import { joinPath } from "./loading.ts";
import type { ComponentLocation } from "./plugin.ts";
import { isMissing } from "./system.ts";

/** The file that names a pipeline's components. */
export const MODEL_INDEX = "model_index.json";

/** The file that names them where diffusers runs blocks in place of a pipeline. */
const MODULAR_MODEL_INDEX = "modular_model_index.json";

/** What a repo says of its pipeline. */
export interface ModelIndex {
  /** The content as of a model_index.json: `_class_name`, settings, and `[library, class]` by role. */
  readonly config: JsonObject;
  /** Where components lie that are not in the folder of their role, by role; undefined is left out. */
  readonly places: ReadonlyMap<string, {
    readonly repo: string;
    readonly subfolder: string | undefined;
    readonly revision: string | undefined;
    readonly variant: string | undefined;
  }>;
}

type Place = ModelIndex["places"] extends ReadonlyMap<string, infer P> ? P : never;

/**
 * Reads what a repo says of its pipeline: model_index.json, else modular_model_index.json, in which a role
 * stands as `[library, class, where]` (`ComponentSpec` of diffusers) and may lie in another repo.
 *
 * @param textOf The text of a file there, undefined for one that is not. Defaults to the disk's.
 * @throws {DenoiseError} `missing_file` without either, `invalid_config` for a component that a repo has in
 * a place that is no repo id.
 */
export async function readModelIndex(
  location: ComponentLocation,
  textOf: (name: string) => string | undefined | Promise<string | undefined> = textsIn(
    location.path,
  ),
): Promise<ModelIndex> {
  for (const name of [MODEL_INDEX, MODULAR_MODEL_INDEX]) {
    const text = await textOf(name);
    if (text !== undefined) {
      return indexOf(parseConfig(text, `${location.path || location.id}/${name}`), location);
    }
  }
  throw new DenoiseError(
    "missing_file",
    `No file named ${MODEL_INDEX} found in ${
      location.path || location.id
    }; is that the folder of a ` +
      "diffusers repo?",
  );
}

/** Texts of a folder's files. */
function textsIn(folder: string): (name: string) => Promise<string | undefined> {
  return (name) =>
    readFile(joinPath(folder, name), "utf8").catch((error) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
}

function indexOf(index: JsonObject, { id, commit }: ComponentLocation): ModelIndex {
  const places = new Map<string, Place>();
  const entries = Object.entries(index).map(([role, entry]) => {
    const [library, className, where] = Array.isArray(entry) ? entry : [];
    if (typeof where !== "object" || where === null || Array.isArray(where)) return [role, entry];
    const { pretrained_model_name_or_path: repo, type_hint: hint } = where as JsonObject;
    if (typeof repo !== "string") return [role, [null, null]]; // the user brings it
    // a repo may not name folders of this machine
    if (commit !== undefined && !/^\w[\w.-]*\/\w[\w.-]*$/.test(repo)) {
      throw new DenoiseError(
        "invalid_config",
        `Cannot load ${role} of ${id} from ${
          JSON.stringify(repo)
        }, as its ${MODULAR_MODEL_INDEX} ` +
          `says: it must be a repo id such as "owner/name"`,
      );
    }
    const word = (key: string): string | undefined => {
      const value = (where as JsonObject)[key];
      return typeof value === "string" && value !== "" ? value : undefined;
    };
    const [subfolder, revision, variant] = [word("subfolder"), word("revision"), word("variant")];
    if (repo !== id || subfolder !== role || revision !== undefined || variant !== undefined) {
      places.set(role, { repo, subfolder, revision, variant });
    }
    const [otherLibrary = null, otherClass = null] = Array.isArray(hint) ? hint : [];
    return [role, [library ?? otherLibrary, className ?? otherClass]];
  });
  return { config: Object.fromEntries(entries) as JsonObject, places };
}
