import { Buffer } from "node:buffer";
import type { Image } from "@denoise/core";
import process from "node:process";
import { blocks, coloursOf } from "./blocks.ts";
import type { ProgressStream } from "./progress_bar.ts";

/** A way in which terminals show images; `"blocks"` are coloured characters. */
export type GraphicsProtocol = "kitty" | "iterm2" | "blocks";

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
  const base64 = Buffer.from(png).toString("base64");
  const count = Math.max(1, Math.ceil(base64.length / KITTY_CHUNK));
  return Array.from({ length: count }, (_, i) => {
    const control = `${i === 0 ? "a=T,f=100," : ""}m=${i < count - 1 ? 1 : 0}`;
    return `\x1b_G${control};${base64.slice(i * KITTY_CHUNK, (i + 1) * KITTY_CHUNK)}\x1b\\`;
  }).join("");
}

/** The inline images protocol of iTerm2. */
function iterm2(png: Uint8Array): string {
  return `\x1b]1337;File=inline=1;size=${png.length}:${Buffer.from(png).toString("base64")}\x07`;
}

const colours = () => coloursOf((name) => process.env[name]);

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
  if (supported.kitty) return "kitty";
  if (supported.iterm2) return "iterm2";
  return colours() === undefined ? null : "blocks";
}

/**
 * Shows an image in a terminal that can (kitty and iTerm2 protocols: kitty, Ghostty, WezTerm,
 * Konsole, iTerm2, VS Code and others), or as half blocks in one that has colours. Elsewhere, in a pipe, and
 * bytes of a PNG where there are half blocks only, nothing is written.
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
  if (protocol === "blocks") {
    if (image instanceof Uint8Array) return false;
    const lines = blocks(image, stream.columns || 80, colours());
    stream.write(`${lines.join("\n")}\n`);
    return true;
  }
  const png = image instanceof Uint8Array ? image : await image.encode("png");
  stream.write(`${protocol === "kitty" ? kitty(png) : iterm2(png)}\n`);
  return true;
}
