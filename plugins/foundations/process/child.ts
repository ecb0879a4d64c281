import { fileURLToPath } from "node:url";
import { BrokenOff, decodeFrames, encodeFrame } from "./frames.ts";

/** What a child process runs, and what it may do. */
export interface ChildProgram {
  /** Its module, which calls `connectToParent`. */
  readonly entry: URL;
  /** Its arguments. */
  readonly args?: readonly string[] | undefined;
  /** Flags of `deno run` that allow it something, such as `--allow-ffi=/lib/x.so`. */
  readonly permissions: readonly string[];
  /** More flags for `deno run`, such as `--v8-flags=...`. */
  readonly flags?: readonly string[] | undefined;
  /** Variables of its environment, beside this program's. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Leaves this program's variables out. Defaults to false. */
  readonly clearEnv?: boolean | undefined;
  /** A command that starts it, such as `prlimit` with its limits; none by default. */
  readonly before?: readonly string[] | undefined;
  /** The deno program. Defaults to the running one. */
  readonly deno?: string | undefined;
}

/** A running child, as the parent sees it. */
export interface Child {
  /** Its process id. */
  readonly pid: number;
  /** Sends a message; one to a child that is gone is dropped. */
  send(message: unknown): void;
  /** Whether it keeps this program from ending; it does by default. */
  keepAlive(alive: boolean): void;
  /** Ends it at once. */
  kill(): void;
  /** Closes its input, ends it, and waits until it is gone. */
  close(): Promise<void>;
  /** How it ended, once it has. */
  readonly ended: Promise<string>;
}

/**
 * Starts a child process. It may do what the program's permissions say and asks for nothing more; what
 * it writes to standard error is shown. A stream that is no message of {@linkcode encodeFrame} ends it.
 *
 * @param onMessage Called with each message that it sends.
 */
export function startChild(program: ChildProgram, onMessage: (message: unknown) => void): Child {
  const { entry, args = [], permissions, flags = [], env = {}, clearEnv = false } = program;
  const { before = [], deno = Deno.execPath() } = program;
  const [command = deno, ...first] = [...before, deno];
  const process = new Deno.Command(command, {
    args: [
      ...first,
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      ...permissions,
      ...flags,
      entry.protocol === "file:" ? fileURLToPath(entry) : entry.href,
      ...args,
    ],
    env: { ...env },
    clearEnv,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = process.stdin.getWriter();

  async function listen(): Promise<string> {
    try {
      for await (const message of decodeFrames(process.stdout)) onMessage(message);
    } catch (error) {
      if (!(error instanceof BrokenOff)) {
        kill();
        await process.status;
        return String(error);
      }
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
    send(message) {
      for (const part of encodeFrame(message)) writer.write(part).catch(() => {});
    },
    keepAlive: (alive) => alive ? process.ref() : process.unref(),
    kill,
    async close() {
      process.ref();
      await writer.close().catch(() => {});
      kill();
      await process.status;
    },
    ended: listen(),
  };
}
