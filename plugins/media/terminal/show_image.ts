import type { Image } from "@denoise/core";
import process from "node:process";
import type { ProgressStream } from "./progress_bar.ts";

/** A way in which terminals show images. */
export type GraphicsProtocol = "kitty" | "iterm2";

/** Where and how an image is shown. */
export interface ShowImageOptions {
  /** Where it is written. Defaults to standard output. */
  readonly stream?: ProgressStream | undefined;
  /** The protocol; found out from the terminal by default, `null` for none. */
  readonly protocol?: GraphicsProtocol | null | undefined;
}

/** Base64 characters in one kitty escape. */
const KITTY_CHUNK = 4096;

/** The kitty graphics protocol: transmit and show a PNG (a=T, f=100), in chunks. */
function kitty(png: Uint8Array): string {
  const base64 = png.toBase64();
  const count = Math.max(1, Math.ceil(base64.length / KITTY_CHUNK));
  return Array.from({ length: count }, (_, i) => {
    const control = `${i === 0 ? "a=T,f=100," : ""}m=${i < count - 1 ? 1 : 0}`;
    return `\x1b_G${control};${base64.slice(i * KITTY_CHUNK, (i + 1) * KITTY_CHUNK)}\x1b\\`;
  }).join("");
}

/** The inline images protocol of iTerm2. */
function iterm2(png: Uint8Array): string {
  return `\x1b]1337;File=inline=1;size=${png.length}:${png.toBase64()}\x07`;
}

/**
 * How a terminal shows images, from what its environment says; `null` when it cannot, or when the
 * stream is no terminal.
 */
export async function findGraphicsProtocol(
  stream: ProgressStream = process.stdout,
): Promise<GraphicsProtocol | null> {
  if (!stream.isTTY) return null;
  const { createSupportsTerminalGraphics } = await import("supports-terminal-graphics");
  const supported = createSupportsTerminalGraphics({ isTTY: true });
  return supported.kitty ? "kitty" : supported.iterm2 ? "iterm2" : null;
}

/**
 * Shows an image in a terminal that can (kitty and iTerm2 protocols: kitty, Ghostty, WezTerm,
 * Konsole, iTerm2, VS Code and others). Elsewhere, and in a pipe, nothing is written.
 *
 * @param image An image, or the bytes of a PNG.
 * @returns Whether it was shown.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { showImage } from "@denoise/terminal";
 * import { assertEquals } from "@std/assert";
 *
 * const pipe = { isTTY: false, write: () => true };
 * assertEquals(await showImage(new Uint8Array(), { stream: pipe }), false);
 * ```
 */
export async function showImage(
  image: Image | Uint8Array,
  options: ShowImageOptions = {},
): Promise<boolean> {
  const stream = options.stream ?? process.stdout;
  const protocol = options.protocol === undefined
    ? await findGraphicsProtocol(stream)
    : options.protocol;
  if (!stream.isTTY || protocol === null) return false;
  const png = image instanceof Uint8Array ? image : await image.encode("png");
  stream.write(`${protocol === "kitty" ? kitty(png) : iterm2(png)}\n`);
  return true;
}
