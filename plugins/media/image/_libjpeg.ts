import { wasmOf } from "./_wasm.ts";

/** libjpeg, whose complaints become the message of the error instead of lines on the console. */
export async function decodeByLibjpeg(bytes: Uint8Array): Promise<ImageData> {
  const { default: decode, init } = await import("@jsquash/jpeg/decode.js");
  const complaints: string[] = [];
  const collect = (line: string): void => void complaints.push(line);
  const wasm = await wasmOf("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
  await init({ ...wasm, print: collect, printErr: collect });
  try {
    return await decode(bufferOf(bytes));
  } catch (cause) {
    throw new Error(complaints.at(-1) ?? "it does not decode", { cause });
  }
}

/** A copy in a buffer of its own, which the WebAssembly decoders ask for. */
export function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}
