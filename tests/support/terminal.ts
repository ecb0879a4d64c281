/**
 * Programs on a terminal: a pseudo-terminal of util-linux' `script`.
 *
 * @module
 */
import { hasProgram } from "./programs.ts";

/** Whether this machine can make pseudo-terminals so. */
export const hasTerminals: boolean = Deno.build.os === "linux" &&
  await hasProgram("script");

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A program that runs on a terminal. */
export interface OnTerminal {
  /** Waits until it has shown that text; everything shown until then. */
  until(text: string | RegExp): Promise<string>;
  /** Types keys. */
  type(keys: string): Promise<void>;
  /** Waits for its end; all that it has shown, and its exit code. */
  end(): Promise<{ readonly code: number; readonly shown: string }>;
}

/** Starts a program on a terminal; what it writes to standard output goes to `stdout` if that is given. */
export function onTerminal(
  command: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; stdout?: string; columns?: number } = {},
): OnTerminal {
  const { cwd, env, stdout, columns = 100 } = options;
  const line = `stty cols ${columns} rows 30; exec ` + command.map(quoted).join(" ") +
    (stdout === undefined ? "" : ` > ${quoted(stdout)}`);
  const child = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", line, "/dev/null"],
    ...(cwd === undefined ? {} : { cwd }),
    env: { TERM: "xterm", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const keys = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let shown = "";
  const more = async () => {
    const { done, value = "" } = await reader.read();
    shown += value;
    return !done;
  };
  return {
    async until(text) {
      const isThere = () => typeof text === "string" ? shown.includes(text) : text.test(shown);
      while (!isThere()) {
        if (!await more()) throw new Error(`It ended before ${text} was shown:\n${shown}`);
      }
      return shown;
    },
    type: (text) => keys.write(new TextEncoder().encode(text)),
    async end() {
      while (await more());
      const { code } = await child.status;
      await keys.close().catch(() => {}); // it has ended
      return { code, shown };
    },
  };
}
