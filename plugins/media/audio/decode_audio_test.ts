import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseAudio } from "./audio.ts";
import { decodeAudio } from "./decode_audio.ts";

const samples = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i / 7));
const audio = new DenoiseAudio(44100, 2, samples, { recipe: { seed: 7 } });

/** A WAV file with another number in its header. */
async function changed(at: number, value: number, bytes: 2 | 4 = 2): Promise<Uint8Array> {
  const file = await audio.encode();
  const view = new DataView(file.buffer);
  if (bytes === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return file;
}

describe("decodeAudio()", () => {
  it("gives back what encode() wrote, with its recipe", async () => {
    const floats = decodeAudio(await audio.encode("wav", { sampleFormat: "float32" }));
    assertEquals([floats.sampleRate, floats.channels, floats.data], [44100, 2, samples]);
    assertEquals(floats.recipe, { seed: 7 });
    const whole = decodeAudio(await audio.encode());
    const apart = Math.max(...whole.data.map((value, i) => Math.abs(value - samples[i]!)));
    assertEquals(apart <= 1 / 16384, true, `apart by ${apart}`); // 32,767 there, 32,768 here, a rounding
  });

  it("gives the samples of a file that was cut off", async () => {
    const file = await audio.encode();
    assertEquals(decodeAudio(file.subarray(0, 44 + 40 * 4 + 3)).length, 40);
  });

  it("refuses other files, and headers that ask for more than they hold", async () => {
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(100), "it is no WAV file"],
      [new TextEncoder().encode("RIFF____WAVEjunk"), "says nothing of its samples"],
      [(await audio.encode()).subarray(0, 44), "there are no samples"],
      [await changed(20, 2), "of format 2 with 16 bits"],
      [await changed(22, 65535), "65535 channels"],
      [await changed(32, 1), "blocks of 1 bytes"],
      [await changed(34, 7), "with 7 bits"],
      [await changed(24, 0, 4), ", 0 a second"],
    ];
    const [plain, other] = [await audio.encode(), await changed(22, 65535)];
    const twice = [plain.subarray(0, 36), other.subarray(12, 36), plain.subarray(36)];
    cases.push([Uint8Array.from(twice.flatMap((part) => [...part])), "65535 channels"]);
    for (const [file, message] of cases) {
      assertThrows(() => decodeAudio(file), SyntaxError, message);
    }
    assertThrows(
      () => decodeAudio(new Uint8Array(9), { maxBytes: 8 }),
      RangeError,
      "8 are allowed",
    );
  });
});
