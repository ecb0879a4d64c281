import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { audioCodec, DenoiseAudio, isWav, readWavRecipe } from "./mod.ts";

const STEREO = new DenoiseAudio(16_000, 2, Float32Array.of(0, 0.5, 1, -0.25, -1, 2));

/** What stands in a WAV file's header, read by the layout of RIFF. */
function header(file: Uint8Array) {
  const view = new DataView(file.buffer, file.byteOffset);
  const text = (at: number) => new TextDecoder().decode(file.subarray(at, at + 4));
  return {
    tags: [text(0), text(8), text(12), text(36)],
    sizes: [view.getUint32(4, true), view.getUint32(40, true)],
    format: view.getUint16(20, true),
    channels: view.getUint16(22, true),
    rate: view.getUint32(24, true),
    bytesPerSecond: view.getUint32(28, true),
    frame: view.getUint16(32, true),
    bits: view.getUint16(34, true),
  };
}

describe("DenoiseAudio", () => {
  it("writes 16-bit integers, channels in turn, limited to the range", async () => {
    const file = await STEREO.encode();
    assertEquals(header(file), {
      tags: ["RIFF", "WAVE", "fmt ", "data"],
      sizes: [36 + 12, 12],
      format: 1,
      channels: 2,
      rate: 16_000,
      bytesPerSecond: 64_000,
      frame: 4,
      bits: 16,
    });
    // frames (0, -0.25), (0.5, -1), (1, 2): 0.5 · 32767 = 16383.5 is rounded up
    assertEquals([...new Int16Array(file.buffer, 44)], [0, -8192, 16384, -32767, 32767, 32767]);
  });

  it("writes float32 samples as they are", async () => {
    const file = await STEREO.encode("wav", { sampleFormat: "float32" });
    const { format, bits, frame } = header(file);
    assertEquals([format, bits, frame], [3, 32, 8]);
    assertEquals([...new Float32Array(file.buffer, 44)], [0, -0.25, 0.5, -1, 1, 2]);
  });

  it("saves a file, and refuses other names", async () => {
    const path = await Deno.makeTempFile({ suffix: ".WAV" });
    await STEREO.save(path, { sampleFormat: "float32" });
    assertEquals(
      await Deno.readFile(path),
      await STEREO.encode("wav", { sampleFormat: "float32" }),
    );
    await Deno.remove(path);
    await assertRejects(() => STEREO.save("x.mp3"), TypeError, "must end in .wav");
  });

  it("says what it is, and plays in a notebook", async () => {
    assertEquals(String(STEREO), "DenoiseAudio stereo 16000 Hz 0 s");
    assertEquals([STEREO.length, STEREO.duration], [3, 3 / 16_000]);
    assertEquals([...STEREO.channel(1)], [-0.25, -1, 2]);
    const show = Reflect.get(STEREO, Symbol.for("Jupyter.display")) as () => Promise<
      Record<string, string>
    >;
    const display = await show.call(STEREO);
    const base64 = /^<audio controls src="data:audio\/wav;base64,(.*)"><\/audio>$/
      .exec(display["text/html"]!)![1]!;
    assertEquals(Uint8Array.fromBase64(base64), await STEREO.encode() as Uint8Array<ArrayBuffer>);
  });

  it("refuses what is no audio", async () => {
    const data = new Float32Array(4);
    assertThrows(() => new DenoiseAudio(0, 1, data), RangeError, "sample rate of 0");
    assertThrows(() => new DenoiseAudio(44_100.5, 1, data), RangeError, "44100.5");
    assertThrows(() => new DenoiseAudio(8000, 0, data), RangeError, "channels 0");
    assertThrows(() => new DenoiseAudio(8000, 3, data), RangeError, "4 samples with 3 channels");
    await assertRejects(() => STEREO.encode("mp3" as "wav"), TypeError, '"wav"');
    const options = { sampleFormat: "int8" as "int16" };
    await assertRejects(() => STEREO.encode("wav", options), RangeError, "int8");
  });
});

describe("readWavRecipe()", () => {
  const data = Float32Array.of(0, 0.5, -0.5);
  const recipe = { prompt: "der Bär brüllt 🐻", seed: "7", audioEndInS: 1.5 };

  it("reads what encode() has written, behind samples that stay as they are", async () => {
    for (const sampleFormat of ["int16", "float32"] as const) {
      const plain = await new DenoiseAudio(8000, 1, data).encode("wav", { sampleFormat });
      const file = await new DenoiseAudio(8000, 1, data, { recipe }).encode("wav", {
        sampleFormat,
      });
      assertEquals(readWavRecipe(file), recipe);
      assertEquals(readWavRecipe(plain), undefined);
      assertEquals(file.subarray(8, plain.length), plain.subarray(8));
      assertEquals(new DataView(file.buffer).getUint32(4, true), file.length - 8);
      assertEquals(file.length % 2, 0);
    }
  });

  it("finds none in files of other programs, or that are cut off, and refuses other files", async () => {
    const file = await new DenoiseAudio(8000, 1, data, { recipe }).encode();
    const other = file.slice();
    other.set(new TextEncoder().encode("x"), other.indexOf("{".charCodeAt(0), 44));
    assertEquals(readWavRecipe(other), undefined);
    assertEquals(readWavRecipe(file.subarray(0, file.length - 4)), undefined);
    assertThrows(() => readWavRecipe(new Uint8Array(30)), SyntaxError, "RIFF");
    assertEquals([isWav(file), isWav(file.subarray(1)), isWav(new Uint8Array(3))], [
      true,
      false,
      false,
    ]);
  });
});

describe("audioCodec.fromTensor()", () => {
  it("gives each audio clip of a batch its channels and recipe", () => {
    const tensor = Tensor.from([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]);
    const audio = audioCodec.fromTensor(tensor, 8000, (seed) => ({ seed }));
    assertEquals(audio.map(({ data }) => [...data]), [[1, 2, 3, 4], [5, 6, 7, 8]]);
    assertEquals(audio.map(({ recipe }) => recipe), [{ seed: 0 }, { seed: 1 }]);
  });

  it("refuses other tensors", () => {
    assertThrows(() => audioCodec.fromTensor(Tensor.zeros([2, 2]), 8000), TypeError, "channels");
    assertThrows(() => audioCodec.fromTensor(Tensor.zeros([1, 1, 2], "int64"), 8000), TypeError);
  });
});
