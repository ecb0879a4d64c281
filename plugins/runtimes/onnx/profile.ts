/**
 * Where the time goes: onnxruntime's own profile of each session, and a table of it.
 *
 * @module
 */

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
  const events = JSON.parse(json) as readonly {
    readonly cat?: string;
    readonly name: string;
    readonly dur: number;
    readonly args?: { readonly op_name?: string };
  }[];
  const kernels = events.filter(({ cat, name }) => cat === "Node" && name.endsWith(KERNEL));
  return {
    milliseconds: kernels.reduce((sum, { dur }) => sum + dur, 0) / 1000,
    operators: sums(kernels.map(({ args, dur }) => [args?.op_name ?? "?", dur])),
    modules: sums(kernels.map(({ name, dur }) => [moduleOf(name.slice(0, -KERNEL.length)), dur])),
  };
}

const KERNEL = "_kernel_time";

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
  const { state } = Deno.permissions.querySync({ name: "env", variable: "DENOISE_PROFILE" });
  const name = state === "granted" ? Deno.env.get("DENOISE_PROFILE") : undefined;
  return name === undefined || name === "" ? undefined : name.replace(/\.json$/, "");
}

/**
 * Puts the profile that a session has left into a file of its name, and prints its table.
 *
 * @param prefix The beginning of the file's name, as the session was given it; onnxruntime adds the time.
 */
export async function finishProfile(prefix: string, name: string): Promise<void> {
  const slash = prefix.lastIndexOf("/");
  const [folder, start] = slash < 0
    ? [".", prefix]
    : [prefix.slice(0, slash) || "/", prefix.slice(slash + 1)];
  const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name)
    .filter((name) => name.startsWith(`${start}_`) && name.endsWith(".json")).sort().at(-1);
  if (left === undefined) return;
  const path = `${prefix}.json`;
  await Deno.rename(`${folder}/${left}`, path);
  console.error(profileTable(name, readProfile(await Deno.readTextFile(path))) + `\n  ${path}`);
}
