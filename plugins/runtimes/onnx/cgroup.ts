/**
 * What the control groups of Linux leave a process, as containers set it: both versions, and limits of
 * the groups around its own.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";

/** What control groups leave a process. */
export interface CgroupLimits {
  /** Bytes that it can still take. Pages of files count as free, since they can be read again. */
  readonly memory: number;
  /** Processors that it may keep busy; a fraction where the quota is one. */
  readonly cpus: number;
}

const NONE: CgroupLimits = { memory: Infinity, cpus: Infinity };

/** A hierarchy of groups. */
interface Hierarchy {
  readonly version: 1 | 2;
  /** What it limits; all of them in version 2. */
  readonly controllers: readonly string[];
  /** Folders from the process's own group to the outermost one that can be seen. */
  readonly folders: readonly string[];
}

/** Reads a file. */
type Read = (path: string) => string;

/**
 * What the groups of this process leave it, infinite where nothing is limited.
 *
 * @param read Reads files by their absolute paths. Defaults to those of this machine.
 * @returns Undefined where the files cannot be read: on other systems, and without Deno's permission for
 *   all of `/proc` and `/sys`.
 */
export function cgroupLimits(
  read: Read = (path) => readFileSync(path, "utf8"),
): CgroupLimits | undefined {
  if (process.platform !== "linux") return undefined;
  let hierarchies: readonly Hierarchy[];
  try {
    hierarchies = hierarchiesOf(read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
  } catch {
    return undefined;
  }
  const limits = hierarchies.flatMap(({ version, controllers, folders }) => {
    const has = (controller: string) => version === 2 || controllers.includes(controller);
    const at = folders.map((folder) => (name: string) => attempt(read, `${folder}/${name}`));
    return at.map((file): CgroupLimits => ({
      memory: has("memory") ? (version === 2 ? memoryOf2 : memoryOf1)(file) : Infinity,
      cpus: has("cpu") ? (version === 2 ? cpusOf2 : cpusOf1)(file) : Infinity,
    }));
  });
  return limits.reduce((least, { memory, cpus }) => ({
    memory: Math.min(least.memory, memory),
    cpus: Math.min(least.cpus, cpus),
  }), NONE);
}

/**
 * How many threads may compute at once: whole processors, at least one. Undefined where no quota is less
 * than the machine has; onnxruntime knows its cores then.
 */
export function cgroupThreads(limits: CgroupLimits | undefined = cgroupLimits()) {
  if (limits === undefined || limits.cpus === Infinity) return undefined;
  return limits.cpus < cpus().length ? Math.max(1, Math.floor(limits.cpus)) : undefined;
}

/** The hierarchies of a process, by the lines of /proc/self/cgroup and /proc/self/mountinfo. */
function hierarchiesOf(groups: string, mounts: string): Hierarchy[] {
  const own = lines(groups).map((line) => {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line)!;
    return { controllers: names === "" ? [] : names!.split(","), path: path! };
  });
  return lines(mounts).flatMap((line): Hierarchy[] => {
    const [before, after] = line.split(" - ") as [string, string];
    const [root, point] = before.split(" ").slice(3, 5).map(unescaped) as [string, string];
    const [type, , options = ""] = after.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") return [];
    const version = type === "cgroup2" ? 2 : 1;
    const group = own.find(({ controllers }) =>
      version === 2
        ? controllers.length === 0
        : controllers.length > 0 && controllers.every((name) => options.split(",").includes(name))
    );
    if (group === undefined) return [];
    return [{ version, controllers: group.controllers, folders: folders(group.path, root, point) }];
  });
}

/** Folders of a group and of those around it, where the hierarchy is mounted from `root` on at `point`. */
function folders(path: string, root: string, point: string): string[] {
  const base = root === "/" ? "" : root;
  // a path elsewhere is that of another namespace: what is mounted is all that can be seen
  const inside = path.startsWith(`${base}/`) && !path.includes("/..")
    ? path.slice(base.length).split("/").filter((name) => name !== "")
    : [];
  return inside.map((_, i) => `${point}/${inside.slice(0, inside.length - i).join("/")}`)
    .concat(point);
}

type File = (name: string) => string | undefined;

function memoryOf2(file: File): number {
  const limits = ["memory.max", "memory.high"].map((name) => number(file(name)));
  return left(Math.min(...limits), file("memory.current"), file("memory.stat"), "");
}

function memoryOf1(file: File): number {
  const limit = number(file("memory.limit_in_bytes"));
  const isNone = limit >= 2 ** 62; // the largest whole number of pages
  const used = file("memory.usage_in_bytes");
  return left(isNone ? Infinity : limit, used, file("memory.stat"), "total_");
}

/** What a limit leaves beside what is used; pages of files that can be read again are not. */
function left(limit: number, used = "0", stat = "", prefix: "" | "total_"): number {
  if (limit === Infinity) return Infinity;
  const pages = (kind: string) =>
    Number(new RegExp(`^${prefix}${kind} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
  return Math.max(0, limit - (number(used) - pages("active_file") - pages("inactive_file")));
}

function cpusOf2(file: File): number {
  const [quota, period] = (file("cpu.max") ?? "max").trim().split(" ");
  return number(quota) / Number(period ?? 100_000);
}

function cpusOf1(file: File): number {
  const quota = number(file("cpu.cfs_quota_us"));
  return quota < 0 ? Infinity : quota / number(file("cpu.cfs_period_us") ?? "100000");
}

/** A limit; there is none where it says `max` or nothing. */
function number(text: string | undefined): number {
  const word = text?.trim() ?? "max";
  return word === "max" ? Infinity : Number(word);
}

/** A file's text, if it is there: the outermost group has no limits. */
function attempt(read: Read, path: string): string | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** A path as mountinfo writes it: spaces and the like as octal numbers. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8)));
}
