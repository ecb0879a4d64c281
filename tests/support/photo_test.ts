import { assertEquals } from "@std/assert";
import type { Tensor } from "@denoise/core";
import { readInput } from "./golden.ts";

const INPUTS = new URL("../golden/inputs/", import.meta.url);

/** The name of an input as the reference makes it: the start of the hash of type, shape and numbers. */
async function nameOf({ dtype, dims, data }: Tensor): Promise<string> {
  const head = new TextEncoder().encode(
    `torch.${dtype} (${dims.join(", ")}${dims.length === 1 ? "," : ""}) `,
  );
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const hash = await crypto.subtle.digest("SHA-256", Uint8Array.of(...head, ...bytes));
  return new Uint8Array(hash).toHex().slice(0, 12);
}

Deno.test("inputs that are made are those that the reference was given, to the last bit", async () => {
  let made = 0;
  for await (const { name: file } of Deno.readDir(INPUTS)) {
    if (!file.endsWith(".rules")) continue;
    const name = file.slice(0, -6);
    assertEquals(await nameOf(await readInput(`inputs/${name}`)), name);
    made++;
  }
  assertEquals(made > 100, true);
});
