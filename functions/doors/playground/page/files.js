import { say } from "./message.js";

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Whether a file is larger than the server takes, which is said then; it is not read for that. */
export function isTooLarge({ size }, { image_bytes: most }) {
  if (size <= most) return false;
  say(
    `Cannot take this file: it has ${megabytes(size)}, and this server takes ${megabytes(most)} ` +
      "at most; make it smaller first",
  );
  return true;
}

/** A PNG as it is, so that its pixels stay; anything else as PNG. */
export async function asPng(blob) {
  if (blob.type === "image/png") return blob;
  const bitmap = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return await canvas.convertToBlob({ type: "image/png" });
}

/** Whether a file is an image that the browser reads; says so where it is none. */
export async function isImage(file) {
  try {
    (await createImageBitmap(file)).close();
    return true;
  } catch {
    say("This file is no image that the browser can read: choose a PNG, JPEG, WebP or GIF");
    return false;
  }
}

/** The bytes of a text in base64. */
export function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** The bytes of a file in base64. */
export function base64Of(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.replace(/^data:[^,]*,/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
