import { invalid } from "../contract/errors.ts";
import type { Store } from "../storage/store.ts";

/** What files are given for, with a data URL as an example. */
const KINDS = {
  image: { noun: "an image", example: "data:image/png;base64,..." },
  audio: { noun: "audio", example: "data:audio/wav;base64,..." },
} as const;

/**
 * A file that a run is given: a data URL, or the address of an upload.
 *
 * @throws {ServeError} `invalid_input` for anything else.
 */
export async function givenFile(
  value: unknown,
  field: string,
  store: Store,
  kind: keyof typeof KINDS = "image",
): Promise<Uint8Array> {
  const text = typeof value === "string" ? value : "";
  const [, data] = text.match(/^data:[\w/+.-]*(?:;[\w=-]+)*;base64,(.*)$/s) ?? [];
  try {
    if (data !== undefined) return Uint8Array.fromBase64(data);
  } catch {
    // it is no base64: refused below
  }
  const [, id] = text.match(/^https?:\/\/[^/]+\/(?:v1\/)?files\/(in-[0-9a-f]{32})$/) ?? [];
  if (id !== undefined) {
    const file = await store.get(id);
    if (file !== undefined) return file.bytes;
    throw invalid(field, `${field} is an upload that is not, or no longer, kept: upload it again`);
  }
  const isAddress = /^https?:/.test(text);
  const { noun, example } = KINDS[kind];
  throw invalid(
    field,
    `${field} must be ${noun} as a data URL, such as "${example}", or the address ` +
      `of an upload to /v1/files${isAddress ? "; other addresses are not fetched" : ""}`,
  );
}
