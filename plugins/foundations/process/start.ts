import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import process from "node:process";
import { Readable, Writable } from "node:stream";
import { runtime } from "@denoise/core";

/** What a program is started with. */
export interface StartOptions {
  /** Variables of its environment, beside this program's. */
  readonly env: Readonly<Record<string, string>>;
  /** Leaves this program's variables out. */
  readonly clearEnv: boolean;
}

/** A started program whose standard input and output are ours. */
export interface Started {
  /** Its process id. */
  readonly pid: number;
  /** Its standard input. */
  readonly stdin: WritableStream<Uint8Array>;
  /** Its standard output. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** How it ended, once it has. */
  readonly status: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** Ends it at once. */
  kill(): void;
  /** This program does not end before it. */
  ref(): void;
  /** This program may end before it. */
  unref(): void;
}

/** Starts a program; what it writes to standard error is shown. */
export function start(command: string, args: readonly string[], options: StartOptions): Started {
  return (runtime === "deno" ? startInDeno : startInNode)(command, args, options);
}

function startInDeno(
  command: string,
  args: readonly string[],
  { env, clearEnv }: StartOptions,
): Started {
  const child = new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    clearEnv,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    status: child.status,
    kill: () => child.kill("SIGKILL"),
    ref: () => child.ref(),
    unref: () => child.unref(),
  };
}

/** Bun too starts programs so. */
function startInNode(
  command: string,
  args: readonly string[],
  { env, clearEnv }: StartOptions,
): Started {
  const child = spawn(command, args, {
    env: clearEnv ? { ...env } : { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const pipes = [child.stdin, child.stdout] as (Partial<Socket> & (Readable | Writable))[];
  return {
    pid: child.pid!,
    stdin: Writable.toWeb(child.stdin),
    stdout: Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
    status: once(child, "exit").then(([code, signal]) => ({ code, signal })),
    kill: () => void child.kill("SIGKILL"),
    ref() {
      child.ref();
      for (const pipe of pipes) pipe.ref?.();
    },
    unref() {
      child.unref();
      for (const pipe of pipes) pipe.unref?.();
    },
  };
}
