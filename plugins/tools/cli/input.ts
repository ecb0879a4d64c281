import { Buffer } from "node:buffer";
import { buffer } from "node:stream/consumers";
import process from "node:process";

/** For a file or a prompt: what comes on standard input. */
export const STANDARD_INPUT = "-";

/** What comes on standard input, as bytes. */
export async function readInput(): Promise<Uint8Array> {
  return new Uint8Array(Buffer.from(await buffer(process.stdin)));
}

/** A file, or standard input for `-`, as what takes images takes it. */
export async function imageInput(file: string): Promise<string | Uint8Array> {
  return file === STANDARD_INPUT ? await readInput() : file;
}
