/**
 * How much memory there is, and who makes room for whom.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import process from "node:process";
import { type Device, isPermitted } from "@denoise/core";
import { cgroupLimits } from "./cgroup.ts";

/** A model that has sessions. */
export interface Resident {
  /** Its class name. */
  readonly className: string;
  /** Where its sessions compute. */
  readonly device: Device;
  /** Bytes of weights that its sessions hold. */
  readonly heldBytes: number;
  /** Whether one of its sessions runs. */
  readonly isBusy: boolean;
  /** Gives the memory of its sessions back. */
  release(): Promise<void>;
}

/** Models that have sessions, the least recently used first. */
const residents = new Set<Resident>();

/** Notes that a model has been used. */
export function touch(model: Resident): void {
  residents.delete(model);
  residents.add(model);
}

/** Notes that a model has no sessions any more. */
export function leave(model: Resident): void {
  residents.delete(model);
}

/**
 * Bytes that this process can still take: what the machine has, the limits of its cgroups and those of
 * `ulimit` leave. Pages of mapped files count as free, since they can be read again. Infinite where
 * the program may not look.
 */
export function availableMemory(): number {
  if (!isPermitted("sys", "systemMemoryInfo")) return Infinity;
  const left = cgroupLimits()?.memory ?? leftByConstraint();
  return Math.max(0, Math.min(freemem(), left, leftByUlimit()));
}

/** What the limit of the process's own group leaves, where only that can be asked for. */
function leftByConstraint(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? limit - process.memoryUsage.rss() : Infinity;
}

/** What `ulimit` leaves, by /proc, where the program may read all files. */
function leftByUlimit(): number {
  if (process.platform !== "linux") return Infinity;
  let [status, limits] = ["", ""];
  try {
    status = readFileSync("/proc/self/status", "utf8");
    limits = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return Infinity; // not allowed
  }
  const used = (name: string) =>
    1024 * Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1]);
  const limit = (name: string) =>
    Number(new RegExp(`^${name}\\s+(\\d+)`, "m").exec(limits)?.[1] ?? Infinity);
  return Math.min(
    limit("Max address space") - used("VmSize"),
    limit("Max data size") - used("VmData"),
  );
}

/** How much of the free memory the weights of a model may take: its own numbers need some, too. */
const SHARE = 0.8;

/**
 * Releases models of the same device that do not run, the least recently used first, until a graph's
 * weights fit.
 *
 * @param available What there is. Defaults to {@linkcode availableMemory}.
 * @returns Whether they fit, the bytes that there are, and who made room.
 */
export async function makeRoom(
  model: Resident,
  bytes: number,
  available: () => number = availableMemory,
): Promise<
  { readonly fits: boolean; readonly room: number; readonly released: readonly string[] }
> {
  const released: string[] = [];
  while (bytes > SHARE * available()) {
    const name = await releaseOldest(model);
    if (name === undefined) break;
    released.push(name);
  }
  const room = SHARE * available();
  return { fits: bytes <= room, room, released };
}

/** Releases the model that was used the longest ago, of those on a model's device that do not run. */
export async function releaseOldest(model: Resident): Promise<string | undefined> {
  const oldest = [...residents].find((other) =>
    other !== model && other.device === model.device && !other.isBusy
  );
  if (oldest === undefined) return undefined;
  leave(oldest);
  await oldest.release();
  return oldest.className;
}

/** Bytes of weights that all models hold on a device. */
export function heldOn(device: Device): number {
  const held = [...residents].filter((model) => model.device === device);
  return held.reduce((sum, model) => sum + model.heldBytes, 0);
}
