/**
 * Where the time goes: onnxruntime's own profile of each session, and a table of it.
 *
 * @module
 */

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import process from "node:process";
import { isPermitted, type PipelineCall } from "@denoise/core";
import type { ModelSessions } from "./model_sessions.ts";

/** What a profile says of a part of a graph. */
export interface ProfileRow {
  /** The operator, or the module. */
  readonly name: string;
  /** Milliseconds of all runs. */
  readonly milliseconds: number;
  /** How often it ran. */
  readonly count: number;
}

/** A profile summed up, the slowest first. */
export interface Profile {
  /** Milliseconds of all operators. */
  readonly milliseconds: number;
  /** By operator. */
  readonly operators: readonly ProfileRow[];
  /** By module, such as `down_blocks.0.attentions.1`. */
  readonly modules: readonly ProfileRow[];
}

/** How many parts of a module's path tell it from others. */
const DEPTH = 4;

/**
 * Sums up what onnxruntime wrote of a session.
 *
 * @param json The text of the file.
 */
export function readProfile(json: string): Profile {
  const events: readonly TraceEvent[] = JSON.parse(json);
  const kernels = events.filter(({ cat, name }) => cat === "Node" && name.endsWith(KERNEL));
  const sessions = new Map(
    events.filter(({ name }) => name === PROCESS).map(({ pid, args }) => [pid, args?.name]),
  );
  const inSession = (pid: number | undefined) => sessions.has(pid) ? `${sessions.get(pid)} ` : "";
  return {
    milliseconds: kernels.reduce((sum, { dur }) => sum + dur, 0) / 1000,
    operators: sums(kernels.map(({ args, dur }) => [args?.op_name ?? "?", dur])),
    modules: sums(
      kernels.map(({ name, dur, pid }) => [
        inSession(pid) + moduleOf(name.slice(0, -KERNEL.length)),
        dur,
      ]),
    ),
  };
}

const KERNEL = "_kernel_time";
/** The event of a trace that names the session whose events have its number. */
const PROCESS = "process_name";

/** The module that a node belongs to; nodes that onnxruntime has made have none. */
function moduleOf(node: string): string {
  const end = node.indexOf("/");
  return end < 1 ? "(none)" : node.slice(0, end).split(".").slice(0, DEPTH).join(".");
}

function sums(parts: readonly (readonly [string, number])[]): ProfileRow[] {
  const rows = new Map<string, { name: string; milliseconds: number; count: number }>();
  for (const [name, microseconds] of parts) {
    const row = rows.get(name) ?? { name, milliseconds: 0, count: 0 };
    rows.set(name, row);
    row.milliseconds += microseconds / 1000;
    row.count++;
  }
  return [...rows.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

/** A profile as a table for a terminal, its slowest twelve operators and modules. */
export function profileTable(name: string, { milliseconds, operators, modules }: Profile): string {
  const line = (row: ProfileRow) => {
    const share = `${(100 * row.milliseconds / milliseconds).toFixed(1)} %`;
    const time = `${row.milliseconds.toFixed(1)} ms`;
    return `  ${time.padStart(12)} ${share.padStart(7)} ${
      `${row.count}x`.padStart(8)
    }  ${row.name}`;
  };
  const part = (
    title: string,
    rows: readonly ProfileRow[],
  ) => [title, ...rows.slice(0, 12).map(line)];
  return [
    `${name}: ${milliseconds.toFixed(1)} ms in operators`,
    ...part(" by operator", operators),
    ...part(" by module", modules),
  ].join("\n");
}

/** The file that `DENOISE_PROFILE` names, where the program may look; without `.json` at its end. */
export function profileBase(): string | undefined {
  const name = isPermitted("env", "DENOISE_PROFILE") ? process.env.DENOISE_PROFILE : undefined;
  return name === undefined || name === "" ? undefined : name.replace(/\.json$/, "");
}

/** An event of onnxruntime's profile, in Chrome's trace format. */
interface TraceEvent {
  readonly cat?: string;
  readonly name: string;
  readonly dur: number;
  readonly pid?: number;
  readonly args?: { readonly op_name?: string; readonly name?: string };
}

/** What onnxruntime wrote under a name that begins so; the file is gone then. */
async function takeProfile(prefix: string): Promise<string | undefined> {
  const slash = prefix.lastIndexOf("/");
  const [folder, start] = slash < 0
    ? [".", prefix]
    : [prefix.slice(0, slash) || "/", prefix.slice(slash + 1)];
  const left = (await readdir(folder))
    .filter((name) => name.startsWith(`${start}_`) && name.endsWith(".json")).sort();
  const texts = await Promise.all(left.map((name) => readFile(`${folder}/${name}`, "utf8")));
  for (const name of left) await rm(`${folder}/${name}`);
  return texts.length === 0 ? undefined : JSON.stringify(texts.flatMap((text) => JSON.parse(text)));
}

/**
 * Puts the profile that a session has left into a file of its name, and prints its table.
 *
 * @param prefix What the session's file was to begin with; onnxruntime adds the time.
 */
export async function finishProfile(prefix: string, name: string): Promise<void> {
  const json = await takeProfile(prefix);
  if (json === undefined) return;
  const path = `${prefix}.json`;
  await writeFile(path, json);
  console.error(profileTable(name, readProfile(json)) + `\n  ${path}`);
}

/** The profile of one call of a pipeline: sessions of its own, whose events go into one file. */
class CallProfile {
  readonly #path: string;
  readonly #sessions: ModelSessions[] = [];
  readonly #parts: (readonly [prefix: string, name: string])[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes sessions, which are released when the call ends. */
  add(sessions: ModelSessions): ModelSessions {
    this.#sessions.push(sessions);
    return sessions;
  }

  /** What the name of a session's file begins with. */
  prefix(name: string): string {
    const prefix = `${this.#path}.${this.#parts.length}`;
    this.#parts.push([prefix, name]);
    return prefix;
  }

  /** Releases the sessions and puts what they left into one file, a process of the trace for each. */
  async finish(): Promise<void> {
    for (const sessions of this.#sessions) await sessions.release();
    const events: object[] = [];
    for (const [pid, [prefix, name]] of this.#parts.entries()) {
      const found: TraceEvent[] = JSON.parse(await takeProfile(prefix) ?? "[]");
      events.push({ name: PROCESS, ph: "M", pid, args: { name } });
      events.push(...found.map((event) => ({ ...event, pid })));
    }
    const json = JSON.stringify(events);
    await writeFile(this.#path, json);
    console.error(`${profileTable("the call", readProfile(json))}\n  ${this.#path}`);
  }
}

const profiles = new WeakMap<PipelineCall, CallProfile>();

/** The profile of a call that asks for one; it is written when the call ends. */
export function profileOf(call: PipelineCall): CallProfile | undefined {
  const { profile: file } = call.options;
  if (file === undefined) return undefined;
  const known = profiles.get(call);
  if (known !== undefined) return known;
  const profile = new CallProfile(file);
  profiles.set(call, profile);
  call.ending.push(() => profile.finish());
  return profile;
}
