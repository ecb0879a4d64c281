/** Colours times alpha, as Pillow's conversion of RGBA to RGBa. */
export function premultiply(rgba: Uint8Array): Uint8Array {
  const out = rgba.slice();
  for (let i = 0; i < out.length; i += 4) {
    const alpha = out[i + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = out[i + c]! * alpha + 128;
      out[i + c] = ((product >> 8) + product) >> 8;
    }
  }
  return out;
}

/** Colours divided by alpha, as Pillow's conversion of RGBa to RGBA. */
export function unpremultiply(rgba: Uint8Array): Uint8Array {
  const out = rgba.slice();
  for (let i = 0; i < out.length; i += 4) {
    const alpha = out[i + 3]!;
    if (alpha === 0 || alpha === 255) continue;
    for (let c = 0; c < 3; c++) {
      out[i + c] = Math.min(255, Math.trunc(255 * out[i + c]! / alpha));
    }
  }
  return out;
}
