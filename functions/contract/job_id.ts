/**
 * Ids that the server makes: UUIDs of version 7 (RFC 9562), which begin with their time. So of one that
 * is not known any more, whether it was there still is.
 *
 * @module
 */

/** Makes an id. */
export function makeJobId(now: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(now / 2 ** 16));
  view.setUint16(4, now % 2 ** 16);
  bytes[6] = 0x70 | bytes[6]! & 0x0f;
  bytes[8] = 0x80 | bytes[8]! & 0x3f;
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** When an id was made, in milliseconds since 1970; undefined for one that a caller chose. */
export function madeAt(id: string): number | undefined {
  const [, high, low] =
    id.match(/(?:^|:)([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/) ??
      [];
  return high === undefined ? undefined : Number.parseInt(high, 16) * 2 ** 16 +
    Number.parseInt(low!, 16);
}
