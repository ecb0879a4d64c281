import { fileURLToPath } from "node:url";
import { ffiPermission, RUNTIME_FOLDER } from "../libraries.ts";
import type { Engine, SessionDefaults } from "./engine.ts";
import { decodeFrames, encodeFrame } from "./frames.ts";
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
 */
export function childEngine(options: ChildEngineOptions = {}): Engine {
  const { threads, optimization, deviceOptions } = options;
  const defaults = { threads, optimization, deviceOptions };
  return remoteEngine((events) => openChild(events, options), defaults);
}

function openChild(
  { onReply, onLost }: HomeEvents,
  { deno = Deno.execPath(), native = false, flags = [] }: ChildEngineOptions,
): Home {
  const entry = new URL("./child_entry.ts", import.meta.url);
  const child = new Deno.Command(deno, {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      ffiPermission(native || undefined),
      `--allow-env=${RUNTIME_FOLDER}`,
      ...flags,
      entry.protocol === "file:" ? fileURLToPath(entry) : entry.href,
      ...(native ? ["native"] : []),
    ],
    env: { MALLOC_MMAP_THRESHOLD_: "1048576" }, // glibc gives freed blocks back from 1 MB on
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();

  async function listen(): Promise<string> {
    try {
      for await (const reply of decodeFrames(child.stdout)) onReply(reply as Reply);
    } catch (error) {
      child.kill("SIGKILL");
      return `${error}`;
    }
    const { code, signal } = await child.status;
    return `the process ended ${signal === null ? `with code ${code}` : `by ${signal}`}`;
  }
  listen().then(onLost);

  return {
    send(request): void {
      for (const part of encodeFrame(request)) writer.write(part).catch(() => {});
    },
    keepAlive: (alive) => alive ? child.ref() : child.unref(),
    async close(): Promise<void> {
      child.ref();
      await writer.close().catch(() => {});
      try {
        child.kill("SIGKILL");
      } catch {
        // it has ended already
      }
      await child.status;
    },
  };
}
