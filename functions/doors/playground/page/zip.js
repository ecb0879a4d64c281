/**
 * Archives of files as they are: images are compressed already, so all that a zip adds is names and
 * checksums (PKWARE's APPNOTE 6.3.10, method 0).
 */

const TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ value >>> 1 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ crc >>> 8;
  return ~crc >>> 0;
}

/** Numbers of the given widths in bytes, in little-endian order. */
function record(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return bytes;
}

/** Date and time as MS-DOS has them. */
function timeFields(at) {
  const date = new Date(at);
  const day = date.getFullYear() - 1980 << 9 | date.getMonth() + 1 << 5 | date.getDate();
  const time = date.getHours() << 11 | date.getMinutes() << 5 | date.getSeconds() >> 1;
  return [[2, time], [2, day]];
}

const UTF8_NAMES = 0x800;

/** An archive of files; each has `name`, `blob` and `at`, its time in milliseconds since 1970. */
export async function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, blob, at } of files) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const path = new TextEncoder().encode(name);
    const shared = [[2, 20], [2, UTF8_NAMES], [2, 0], ...timeFields(at), [4, crc32(bytes)]];
    const sizes = [[4, bytes.length], [4, bytes.length], [2, path.length], [2, 0]];
    const head = record([4, 0x04034b50], ...shared, ...sizes);
    parts.push(head, path, blob);
    const place = [[2, 0], [2, 0], [2, 0], [4, 0], [4, offset]];
    directory.push(record([4, 0x02014b50], [2, 20], ...shared, ...sizes, ...place), path);
    offset += head.length + path.length + bytes.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const count = files.length;
  const end = record(
    ...[[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]],
  );
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
