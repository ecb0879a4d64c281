/** A PNG file as a data URL. */
export function pngUrl(file: Uint8Array): string {
  return `data:image/png;base64,${file.toBase64()}`;
}

/** The bytes in a data URL, or in base64 alone. */
export function bytesIn(url: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(url.slice(url.indexOf(",") + 1));
}
