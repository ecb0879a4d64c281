import { fileURLToPath } from "node:url";
import { ffiPermission, libraryFolder } from "@denoise/onnx/libraries";
import { decodeFrames, encodeFrame } from "./frames.ts";
import type { FromChild, ToChild } from "./protocol.ts";

/** What a child process is, and what it may do beside computing. */
export interface ChildProgram {
  /** Its module. */
  readonly entry?: URL | undefined;
  /** Folders it reads: those of the models. */
  readonly read: readonly string[];
  /** More flags for `deno run`. */
  readonly flags?: readonly string[] | undefined;
}

/** A running child, as the parent sees it. */
export interface Child {
  /** Its process id. */
  readonly pid: number;
  /** Sends a message; one to a child that is gone is dropped. */
  send(message: ToChild): void;
  /** Ends it. */
  kill(): void;
  /** How it ended, once it has. */
  readonly ended: Promise<string>;
}

/** Variables that the child needs; keys and other secrets of the server are not among them. */
const PASSED =
  /^(HOME|PATH|TMPDIR|DENO_DIR|XDG_CACHE_HOME|JSR_URL|LD_LIBRARY_PATH|DENOISE_ONNXRUNTIME|(NPM_CONFIG|CUDA|NVIDIA|ORT|OMP)_.*)$/;

function passedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => PASSED.test(name)),
  );
}

/** The folder of the npm packages (Deno's cache, or node_modules), whose image codecs read their WebAssembly files. */
function packagesFolder(): string {
  return libraryFolder().replace(/[/\\](?:\.deno|onnxruntime-node)[/\\].*$/, "");
}

/**
 * Starts the child. It reads the models' folders and the program itself, and loads onnxruntime's
 * library (on a machine with its provider for GPUs of NVIDIA: any); it has no network, no environment but what libraries ask for, and starts nothing.
 */
export function startChild(
  { entry = new URL("./child_entry.ts", import.meta.url), read, flags = [] }: ChildProgram,
  onMessage: (message: FromChild) => void,
): Child {
  const own = entry.protocol === "file:" ? fileURLToPath(entry) : entry.href;
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      "--v8-flags=--heap-growing-percent=50,--max-semi-space-size=4", // less memory
      ffiPermission(),
      `--allow-read=${[...read, packagesFolder()].join(",")}`,
      "--allow-env",
      ...flags,
      own,
    ],
    clearEnv: true,
    env: passedEnvironment(),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = process.stdin.getWriter();

  async function listen(): Promise<string> {
    try {
      for await (const message of decodeFrames(process.stdout)) onMessage(message as FromChild);
    } catch (error) {
      kill();
      await process.status;
      return String(error);
    }
    const { code, signal } = await process.status;
    return signal === null ? `it ended with code ${code}` : `it ended by ${signal}`;
  }

  function kill(): void {
    try {
      process.kill("SIGKILL");
    } catch {
      // it has ended already
    }
  }

  return {
    pid: process.pid,
    send(message): void {
      for (const part of encodeFrame(message)) writer.write(part).catch(() => {});
    },
    kill,
    ended: listen(),
  };
}
