import process from "node:process";
import { childEngine } from "./child.ts";
import type { Engine } from "./engine.ts";
import { inlineEngine } from "./inline.ts";
import { nativeEngine } from "./native/native.ts";
import { workerEngine } from "./worker.ts";

/**
 * Where sessions run: in this thread, a Worker, a child process, on threads of their own in this
 * process, or an engine of one's own.
 */
export type EngineChoice = "inline" | "worker" | "child" | "native" | object;

/** The Worker and the child process that models share which ask for one by name. */
const shared = new Map<string, Engine>();

/**
 * The longest command line, in characters, under which sessions are made in this process: onnxruntime
 * 1.30 overflows the stack, and ends the process, from about 7,000 in a Worker and 25,000 outside.
 */
const COMMAND_LINE = 4096;

/** A home in this process, or in a child, whose command line is short, where this one's is too long. */
function here(open: () => Engine, elsewhere = childEngine): Engine {
  return process.argv.slice(2).join(" ").length > COMMAND_LINE ? elsewhere() : open();
}

const HOMES: Readonly<Record<string, () => Engine>> = {
  inline: () => here(inlineEngine),
  worker: () => here(workerEngine),
  child: () => childEngine(),
  native: () => here(nativeEngine, () => childEngine({ native: true })),
};

function isEngine(value: unknown): value is Engine {
  return typeof value === "object" && value !== null && "createSession" in value;
}

/**
 * The engine that a choice stands for.
 *
 * @throws {RangeError} for a name that is none; {TypeError} for an object that is no engine.
 */
export function engineOf(choice: EngineChoice = "inline"): Engine {
  if (isEngine(choice)) return choice;
  if (typeof choice !== "string") {
    throw new TypeError("Cannot use that engine: it has no createSession()");
  }
  const open = Object.hasOwn(HOMES, choice) ? HOMES[choice] : undefined;
  if (open === undefined) {
    throw new RangeError(
      `There is no engine ${JSON.stringify(choice)}; engines are ${Object.keys(HOMES).join(", ")}`,
    );
  }
  const engine = shared.get(choice) ?? open();
  shared.set(choice, engine);
  return engine;
}
