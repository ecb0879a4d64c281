import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { decodeFrames, encodeFrame } from "@denoise/process";

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  parts.reduce((place, part) => (bytes.set(part, place), place + part.length), 0);
  return bytes;
}

/** A stream of these bytes in pieces of one size. */
function streamOf(bytes: Uint8Array<ArrayBuffer>, piece = 7): ReadableStream<Uint8Array> {
  return ReadableStream.from((function* () {
    for (let i = 0; i < bytes.length; i += piece) yield bytes.slice(i, i + piece);
  })());
}

const message = {
  id: 7,
  text: "é",
  list: [new Uint8Array([1, 2, 3]).buffer, new Float64Array([-1]).buffer],
  none: new ArrayBuffer(0),
  bytes: { array: new Uint8Array([4, 5]) },
};

describe("frames", () => {
  it("bring messages over, whatever the pieces", async () => {
    const bytes = joined([...encodeFrame(message), ...encodeFrame({ id: 8 })]);
    for (const piece of [1, 7, 1000]) {
      const found = await Array.fromAsync(decodeFrames(streamOf(bytes, piece)));
      assertEquals(found, [message, { id: 8 }]);
    }
  });

  it("end with the stream, but not within a message", async () => {
    assertEquals(await Array.fromAsync(decodeFrames(streamOf(new Uint8Array()))), []);
    const bytes = joined(encodeFrame(message));
    for (const length of [1, 8, 20, bytes.length - 1]) {
      const stream = streamOf(bytes.slice(0, length));
      await assertRejects(() => Array.fromAsync(decodeFrames(stream)), SyntaxError, "ended within");
    }
  });

  it("refuse what is no message", async () => {
    const text = new TextEncoder().encode("Segmentation fault");
    const read = () => Array.fromAsync(decodeFrames(streamOf(text)));
    await assertRejects(read, SyntaxError, "holds something else");
    const frame = (length: unknown, path: unknown) => {
      const text = new TextEncoder().encode(
        JSON.stringify([{}, [{ path, length, type: "array" }]]),
      );
      const head = encodeFrame(null)[0]!;
      new DataView(head.buffer).setUint32(4, text.length, true);
      return Array.fromAsync(decodeFrames(streamOf(joined([head, text]))));
    };
    for (const length of [-1, 1e12, null, "many"]) {
      await assertRejects(() => frame(length, []), SyntaxError, "impossible length");
    }
    for (const path of [["a", "b"], ["__proto__", "x"], "x", undefined]) {
      await assertRejects(() => frame(1, path), SyntaxError, "no such place");
    }
  });

  it("leave alone what only looks like bytes, and carry integers as text", async () => {
    const sent = { data: { $bytes: 3, path: [], type: "array" }, list: [null, true], seed: 7n };
    const [found] = await Array.fromAsync(decodeFrames(streamOf(joined(encodeFrame(sent)))));
    assertEquals(found, { ...sent, seed: "7" });
    const alone = joined(encodeFrame(new Uint8Array([1])));
    assertEquals(await Array.fromAsync(decodeFrames(streamOf(alone))), [new Uint8Array([1])]);
  });

  it("give messages or a SyntaxError for any bytes", async () => {
    const valid = joined(encodeFrame(message));
    const mutated = fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([place, byte]) =>
      valid.with(place, byte)
    );
    await fc.assert(
      fc.asyncProperty(mutated, async (bytes) => {
        try {
          await Array.fromAsync(decodeFrames(streamOf(new Uint8Array(bytes), 64)));
        } catch (error) {
          assert(error instanceof SyntaxError || error instanceof RangeError, `${error}`);
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
