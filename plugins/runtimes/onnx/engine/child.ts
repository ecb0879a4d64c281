import { startChild } from "@denoise/process";
import { ffiPermission, RUNTIME_FOLDER } from "../libraries.ts";
import { entryBeside } from "./entry.ts";
import type { Engine, SessionDefaults } from "./engine.ts";
import type { Reply } from "./protocol.ts";
import { type Home, type HomeEvents, remoteEngine } from "./remote.ts";

/** How the child process is run. */
export interface ChildEngineOptions extends SessionDefaults {
  /** The deno program. Defaults to the running one. */
  readonly deno?: string;
  /**
   * Computes as {@linkcode nativeEngine} does, with the permission to call any native code. Defaults
   * to false.
   */
  readonly native?: boolean;
  /** More flags for `deno run`, such as `--v8-flags=...`. */
  readonly flags?: readonly string[];
}

/**
 * Computes in a child process, whose end, by a crash of native code too, is an error here and not the
 * end of this program. It may load onnxruntime's library and nothing else: no files, network,
 * environment or programs from JavaScript (native code reads the weights). On a machine with
 * onnxruntime's provider for GPUs of NVIDIA it may call any native code, as the native engine does.
 * These limits are Deno's permissions: in Node.js and Bun the child may do all that this program may.
 *
 * @throws {DenoiseError} `runtime_unavailable` for the options `deno`, `native` and `flags` in Node.js and Bun,
 *   when the first session is made.
 */
export function childEngine(options: ChildEngineOptions = {}): Engine {
  const { threads, optimization, deviceOptions } = options;
  const defaults = { threads, optimization, deviceOptions };
  return remoteEngine((events) => openChild(events, options), defaults);
}

function openChild(
  { onReply, onLost }: HomeEvents,
  { deno, native = false, flags }: ChildEngineOptions,
): Home {
  const child = startChild({
    entry: entryBeside(import.meta.url, "child_entry"),
    args: native ? ["native"] : [],
    permissions: [ffiPermission(native || undefined), `--allow-env=${RUNTIME_FOLDER}`],
    flags,
    env: { MALLOC_MMAP_THRESHOLD_: "1048576" }, // glibc gives freed blocks back from 1 MB on
    deno,
  }, (reply) => onReply(reply as Reply));
  child.ended.then(onLost);
  return child;
}
