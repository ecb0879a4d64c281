import { CommanderError } from "commander";
import process from "node:process";
import { createInterface } from "node:readline";
import type { GenerateFlags } from "./generate.ts";
import { Interrupted } from "./interrupt.ts";
import { integer, number, seed, size } from "./options.ts";

/** What can be changed between two images, as `/steps 20`; a name alone goes back to the default. */
const SETTINGS = {
  steps: integer(1, 10_000),
  guidance: number(0, 100),
  seed,
  size,
  negative: (text: string) => text,
  eta: number(0, 1),
  strength: number(0, 1),
  count: integer(1, 64),
} as const;

type Setting = keyof typeof SETTINGS;

const HELP = `a prompt draws an image; an empty line the last one again, with another seed
${Object.keys(SETTINGS).map((name) => `/${name}`).join(" ")}
and a value, as in /steps 20, change what follows
/quit, or Ctrl-D, ends; Ctrl-C stops an image`;

/** Whether `generate` without a prompt asks for prompts: where a person sits at a terminal. */
export function isInteractive(flags: GenerateFlags): boolean {
  return !flags.json && !flags.quiet && flags.out !== "-" && process.stdin.isTTY === true &&
    process.stdout.isTTY === true;
}

/** The lines that a person types, also while an image is made. */
class Lines {
  readonly #reader = createInterface({
    ...{ input: process.stdin, output: process.stdout, terminal: true, prompt: "prompt> " },
  });
  readonly #typed: string[] = [];
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor() {
    this.#reader.on("line", (text) => {
      this.#typed.push(text.trim());
      this.#wake?.();
    });
    // the reader takes Ctrl-C from the terminal: while an image is made it is the signal that stops it
    this.#reader.on("SIGINT", () => {
      if (this.#wake === undefined) process.kill(process.pid, "SIGINT");
      else this.close();
    });
    this.#reader.on("close", () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  /** The next line; undefined for Ctrl-D and Ctrl-C. */
  async next(): Promise<string | undefined> {
    if (this.#typed.length === 0 && !this.#isClosed) {
      this.#reader.prompt();
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    return this.#typed.shift();
  }

  /** Gives the terminal back. */
  close(): void {
    if (!this.#isClosed) process.stdout.write("\n");
    this.#reader.close();
  }
}

/** What a line was answered with. */
function whyOf(error: unknown, line: string): string {
  if (!(error instanceof Error)) return String(error);
  // what reads a setting says only what it must be
  return error instanceof CommanderError
    ? `Cannot take ${JSON.stringify(line)}: ${error.message.replace(/^It/, "it")}`
    : error.message;
}

/** The flags with a setting changed by a line such as `/steps 20`; undefined for a line that is none. */
export function changed(flags: GenerateFlags, line: string): GenerateFlags | undefined {
  const [_, name, value = ""] = line.match(/^\/(\w+)\s*(.*)$/) ?? [];
  if (name === undefined || !Object.hasOwn(SETTINGS, name)) return undefined;
  const { [name as Setting]: _before, ...others } = flags;
  const base = { count: 1, ...others } as GenerateFlags;
  return value === "" ? base : { ...base, [name]: SETTINGS[name as Setting](value) };
}

/**
 * Asks for prompts and draws each, until there is no more.
 *
 * @param draw Draws and shows an image; what it throws is shown, and the next prompt is asked for.
 */
export async function interact(
  given: GenerateFlags,
  draw: (prompt: string, flags: GenerateFlags) => Promise<void>,
): Promise<void> {
  let flags: GenerateFlags = { preview: 1, ...given };
  let prompt = "";
  const lines = new Lines();
  console.log(HELP);
  for (;;) {
    const line = await lines.next();
    if (line === undefined || line === "/quit") return lines.close();
    try {
      if (line.startsWith("/")) {
        const next = changed(flags, line);
        if (next !== undefined) flags = next;
        else console.log(line === "/help" ? HELP : `there is no ${line.split(/\s/)[0]}\n${HELP}`);
        continue;
      }
      prompt = line || prompt;
      if (prompt !== "") await draw(prompt, flags);
    } catch (error) {
      if (error instanceof Interrupted) continue;
      console.error(`error: ${whyOf(error, line)}`);
    }
  }
}
