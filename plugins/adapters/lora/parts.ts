import type { AdaptableModel, LoraAdapter } from "@denoise/adapters";
import type { Registry } from "@denoise/core";

/** A pipeline, or anything with components. */
export interface Adaptable {
  /** The components by role. */
  readonly components: object;
  /** Has the sources of repos. */
  readonly registry?: Registry | undefined;
}

/** A component that adapters can change, and its role. */
export type AdaptablePart = readonly [role: string, model: AdaptableModel];

function isAdaptable(part: unknown): part is AdaptableModel {
  return typeof (part as AdaptableModel | null)?.setAdapters === "function";
}

/** What files of LoRAs change. */
const LOADABLE: readonly string[] = [
  "unet",
  "transformer",
  "prior",
  "decoder",
  "connectors",
  "controlnet",
  "textEncoder",
  "textEncoder2",
  "textEncoder3",
  "textConditioner",
];

/** The components that files of LoRAs change. */
export function adaptableParts({ components }: Adaptable): AdaptablePart[] {
  return Object.entries(components).filter((entry): entry is [string, AdaptableModel] =>
    LOADABLE.includes(entry[0]) && isAdaptable(entry[1])
  );
}

/** The adapters of a component that were not unloaded. */
export function loaded({ adapters }: AdaptableModel): readonly LoraAdapter[] {
  return adapters.filter(({ isUnloaded }) => !isUnloaded);
}

/** Names of all adapters, in the order in which they came. */
export function namesIn(pipe: Adaptable): string[] {
  const names = adaptableParts(pipe).flatMap(([_, part]) => loaded(part).map(({ name }) => name));
  return [...new Set(names)];
}

/** Makes sure that there are adapters of these names. */
export function checkNames(deed: string, pipe: Adaptable, names: readonly string[]): void {
  const known = namesIn(pipe);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new RangeError(
    `Cannot ${deed} the adapter ${JSON.stringify(unknown)}: there are ${
      known.join(", ") || "none"
    }`,
  );
}

/** The components of these roles; all of them by default. */
export function partsOf(
  deed: string,
  pipe: Adaptable,
  roles: readonly string[] | undefined,
): AdaptablePart[] {
  const parts = adaptableParts(pipe);
  const unknown = roles?.find((role) => !parts.some(([there]) => there === role));
  if (roles?.length !== 0 && unknown === undefined) {
    return roles === undefined ? parts : parts.filter(([role]) => roles.includes(role));
  }
  const there = parts.map(([role]) => role).join(", ") || "none";
  throw new RangeError(
    `Cannot ${deed} in ${unknown ?? "no components"}: components of this pipeline are ${there}`,
  );
}

/** Gives each part its adapters; all get those of before back where one cannot take them. */
export async function changeAll(
  changes: readonly (readonly [part: AdaptableModel, adapters: readonly LoraAdapter[]])[],
): Promise<void> {
  const before = changes.map(([part]) => [part, part.adapters] as const);
  try {
    for (const [part, adapters] of changes) {
      const isSame = adapters.length === part.adapters.length &&
        adapters.every((adapter, i) => adapter === part.adapters[i]);
      if (!isSame) await part.setAdapters(adapters);
    }
  } catch (error) {
    for (const [part, adapters] of before) await part.setAdapters(adapters);
    throw error;
  }
}
