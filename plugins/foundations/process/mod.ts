/**
 * A child process that is talked to in messages: plain values with bytes in them, on its standard
 * input and output.
 *
 * @example The parent
 * ```ts ignore
 * import { startChild } from "@denoise/process";
 *
 * const entry = new URL("./child.ts", import.meta.url);
 * const child = startChild({ entry, permissions: [] }, (message) => console.log(message));
 * child.send({ double: new Uint8Array([1, 2]) });
 * console.log(await child.ended);
 * ```
 *
 * @example The child
 * ```ts ignore
 * import { connectToParent } from "@denoise/process";
 *
 * const parent = connectToParent();
 * for await (const message of parent.messages) {
 *   const { double } = message as { double: Uint8Array };
 *   parent.send(double.map((byte) => 2 * byte));
 * }
 * ```
 *
 * @module
 */
export { type Child, type ChildProgram, startChild } from "./child.ts";
export { decodeFrames, encodeFrame } from "./frames.ts";
export { connectToParent, type Parent } from "./parent.ts";
