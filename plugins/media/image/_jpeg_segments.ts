/** The segments of a JPEG in front of its first scan. */
export function* jpegSegments(
  bytes: Uint8Array,
): Generator<{ marker: number; data: Uint8Array; end: number }, void> {
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) return;
    const marker = bytes[at + 1]!;
    if (marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const end = at + 2 + (bytes[at + 2]! << 8 | bytes[at + 3]!);
    yield { marker, data: bytes.subarray(at + 4, end), end };
    if (marker === 0xda || marker === 0xd9) return;
    at = end;
  }
}

/** Size and samples of a JPEG; undefined where its header is cut off. */
export function jpegFrame(
  bytes: Uint8Array,
): { width: number; height: number; channels: number } | undefined {
  for (const { marker, data } of jpegSegments(bytes)) {
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (!isFrame || data.length < 6) continue;
    const [height, width] = [data[1]! << 8 | data[2]!, data[3]! << 8 | data[4]!];
    return { width, height, channels: data[5]! };
  }
  return undefined;
}
