import process from "node:process";
import { fileURLToPath } from "node:url";
import { needsDeno, runtime } from "@denoise/core";
import { BrokenOff, decodeFrames, encodeFrame } from "./frames.ts";
import { start } from "./start.ts";

/** What a child process runs, and what it may do. */
export interface ChildProgram {
  /** Its module, which calls `connectToParent`. */
  readonly entry: URL;
  /** Its arguments. */
  readonly args?: readonly string[] | undefined;
  /**
   * Flags of `deno run` that allow it something, such as `--allow-ffi=/lib/x.so`. In Node.js and Bun, which
   * know no permissions, it may do all that this program may.
   */
  readonly permissions: readonly string[];
  /** More flags for `deno run`, such as `--v8-flags=...`; refused elsewhere. */
  readonly flags?: readonly string[] | undefined;
  /** Variables of its environment, beside this program's. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Leaves this program's variables out. Defaults to false. */
  readonly clearEnv?: boolean | undefined;
  /** A command that starts it, such as `prlimit` with its limits; none by default. */
  readonly before?: readonly string[] | undefined;
  /** The deno program; refused elsewhere. Defaults to the running one. */
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
 * @throws {DenoiseError} `runtime_unavailable` for what is Deno's own in Node.js and Bun.
 */
export function startChild(program: ChildProgram, onMessage: (message: unknown) => void): Child {
  const { entry, args = [], permissions, flags = [], env = {}, clearEnv = false } = program;
  const { before = [], deno = process.execPath } = program;
  if (program.deno !== undefined) needsDeno("The option deno", "leave it out");
  if (flags.length > 0) needsDeno("The option flags", "leave it out");
  const run = ["run", "--quiet", "--no-check", "--no-prompt", ...permissions, ...flags];
  const [command = deno, ...all] = [
    ...before,
    deno,
    ...(runtime === "deno" ? run : []),
    entry.protocol === "file:" ? fileURLToPath(entry) : entry.href,
    ...args,
  ];
  const started = start(command, all, { env, clearEnv });
  const writer = started.stdin.getWriter();

  async function listen(): Promise<string> {
    try {
      for await (const message of decodeFrames(started.stdout)) onMessage(message);
    } catch (error) {
      if (!(error instanceof BrokenOff)) {
        kill();
        await started.status;
        return String(error);
      }
    }
    const { code, signal } = await started.status;
    return signal === null ? `it ended with code ${code}` : `it ended by ${signal}`;
  }

  function kill(): void {
    try {
      started.kill();
    } catch {
      // it has ended already
    }
  }

  return {
    pid: started.pid,
    send(message) {
      for (const part of encodeFrame(message)) writer.write(part).catch(() => {});
    },
    keepAlive: (alive) => alive ? started.ref() : started.unref(),
    kill,
    async close() {
      started.ref();
      await writer.close().catch(() => {});
      kill();
      await started.status;
    },
    ended: listen(),
  };
}
