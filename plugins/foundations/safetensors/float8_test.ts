import { assertEquals } from "@std/assert";
import { decodeFloat8 } from "@denoise/safetensors";

Deno.test("decodeFloat8() gives torch's values", () => {
  // torch 2.13.0: torch.tensor(bytes, dtype=torch.uint8).view(dtype).float()
  const bytes = new Uint8Array([0x00, 0x01, 0x07, 0x08, 0x38, 0x7e, 0x7f, 0x80, 0xb9, 0xff]);
  const e4m3fn = [0, 2 ** -9, 7 * 2 ** -9, 2 ** -6, 1, 448, NaN, -0, -1.125, NaN];
  const e5m2 = [0, 2 ** -16, 7 * 2 ** -16, 2 ** -13, 0.5, NaN, NaN, -0, -0.625, NaN];
  assertEquals([...decodeFloat8(bytes, "float8_e4m3fn")], e4m3fn);
  assertEquals([...decodeFloat8(bytes, "float8_e5m2")], e5m2);
});
