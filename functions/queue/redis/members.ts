import { VERSION } from "@denoise/core";
import type { Redis } from "ioredis";
import type { ModelInfo } from "../../contract/model_info.ts";
import { type Names, PROTOCOL } from "./names.ts";
import { runScript } from "./scripts.ts";

/** A worker, as it announces itself. */
export interface Member {
  /** Version of the package. */
  readonly version: string;
  /** What it understands; edges and workers of another number do not work together. */
  readonly protocol: number;
  /** The models whose jobs it takes now. */
  readonly models: readonly ModelInfo[];
}

/** How long a worker that says nothing is taken for there, in milliseconds. */
const THERE_MS = 6_000;

/** Says that a worker is there, and which jobs it takes. */
export async function announce(
  redis: Redis,
  names: Names,
  id: string,
  models: readonly ModelInfo[],
): Promise<void> {
  const member: Member = { version: VERSION, protocol: PROTOCOL, models };
  await runScript(redis, "announce", names.members, id, JSON.stringify(member), THERE_MS);
}

/** How many of the workers take the jobs of each model. */
export function enginesIn(members: readonly Member[]): ReadonlyMap<string, number> {
  const engines = new Map<string, number>();
  for (const { protocol, models } of members) {
    if (protocol !== PROTOCOL) continue;
    for (const { id } of models) engines.set(id, (engines.get(id) ?? 0) + 1);
  }
  return engines;
}

/** The workers that are there. */
export async function membersOf(redis: Redis, names: Names): Promise<Member[]> {
  const texts = await runScript(redis, "announce", names.members, "") as string[];
  return texts.map((text) => JSON.parse(text) as Member);
}
