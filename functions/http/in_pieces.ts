/** Bytes that are handed to a connection at once. */
const PIECE = 64 * 1024;

/**
 * Bytes as a body that is sent piece for piece, as fast as its reader takes it: what a thousand slow
 * readers hold is these bytes once.
 */
export function inPieces(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller): void {
      if (at < bytes.length) controller.enqueue(bytes.subarray(at, at += PIECE));
      else controller.close();
    },
  }, { highWaterMark: 0 });
}
