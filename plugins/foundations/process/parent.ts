import { writeSync } from "node:fs";
import process from "node:process";
import { Readable } from "node:stream";
import { runtime } from "@denoise/core";
import { decodeFrames, encodeFrame } from "./frames.ts";

/** The parent, as the child sees it. */
export interface Parent {
  /** What it says, until it closes the child's input. */
  readonly messages: AsyncIterable<unknown>;
  /**
   * Tells it something. The message is written at once: a write in the background would wait for a core
   * that a model has. When the parent is gone, this process ends.
   */
  send(message: unknown): void;
}

/** The file descriptor. */
const STANDARD_OUTPUT = 1;

const clock = new Int32Array(new SharedArrayBuffer(4));

/** Writes some bytes, from a place on; none while a pipe that does not block is full, as Node.js makes it. */
function write(bytes: Uint8Array, at: number): number {
  try {
    return writeSync(STANDARD_OUTPUT, bytes, at);
  } catch (error) {
    if ((error as { code?: string }).code !== "EAGAIN") throw error;
    Atomics.wait(clock, 0, 0, 1); // a millisecond
    return 0;
  }
}

function input(): ReadableStream<Uint8Array> {
  if (runtime === "deno") return Deno.stdin.readable;
  return Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>;
}

/**
 * Takes up the connection that {@linkcode startChild} of the parent has made. Standard output carries
 * messages from here on, so `console.log` and its like write to standard error.
 */
export function connectToParent(): Parent {
  console.log = console.info = console.debug = console.error;
  return {
    messages: decodeFrames(input()),
    send(message) {
      try {
        for (const part of encodeFrame(message)) {
          for (let at = 0; at < part.length;) at += write(part, at);
        }
      } catch {
        process.exit();
      }
    },
  };
}
