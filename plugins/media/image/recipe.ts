import type { Recipe } from "@denoise/core";
import { startsWith } from "./_bytes.ts";
import { parseRecipe, recipeInExif } from "./_exif.ts";
import { jpegMetadata, webpMetadata } from "./_metadata.ts";
import { pngChunks } from "./_png_chunks.ts";

/** The PNG keyword that A1111-style tools read. */
const PARAMETERS = "parameters";
/** The PNG keyword under which the whole recipe stands as JSON. */
const RECIPE = "denoise";

/** Names that A1111 gives to settings, in the order in which it writes them. */
const A1111_NAMES: { readonly [key: string]: string } = {
  steps: "Steps",
  scheduler: "Sampler",
  guidanceScale: "CFG scale",
  seed: "Seed",
  size: "Size",
  commit: "Model hash",
  model: "Model",
  strength: "Denoising strength",
  clipSkip: "Clip skip",
  denoise: "Version",
};

/** Keys that stand elsewhere than in the line of settings. */
const APART = ["prompt", "negativePrompt", "width", "height"];

function setting(key: string, value: unknown): string {
  const name = A1111_NAMES[key] ?? key;
  const text = key === "denoise" ? `denoise ${value}` : String(value);
  return `${name}: ${/[,:\n]/.test(text) ? JSON.stringify(text) : text}`;
}

/**
 * A recipe as the text that A1111-style tools read: the prompt, a line with the negative prompt,
 * a line of settings. Settings without a name in that style keep their own; nested ones are left
 * out (they are in the JSON).
 *
 * @example
 * ```ts
 * import { formatParameters } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const recipe = { prompt: "a cat", steps: 20, seed: 7, width: 64, height: 64 };
 * assertEquals(formatParameters(recipe), "a cat\nSteps: 20, Seed: 7, Size: 64x64");
 * ```
 */
export function formatParameters(recipe: Recipe): string {
  const { width, height } = recipe;
  const size = typeof width === "number" && typeof height === "number"
    ? { size: `${width}x${height}` }
    : {};
  const settings: Recipe = { ...recipe, ...size };
  const shown = (key: string): boolean =>
    !APART.includes(key) && settings[key] !== null && settings[key] !== undefined &&
    typeof settings[key] !== "object";
  const known = Object.keys(A1111_NAMES).filter(shown);
  const others = Object.keys(settings).filter((key) => shown(key) && !(key in A1111_NAMES));
  const line = [...known, ...others]
    .map((key) => setting(key, settings[key]))
    .join(", ");
  const lines = [
    String(recipe["prompt"] ?? ""),
    ...(recipe["negativePrompt"] ? [`Negative prompt: ${recipe["negativePrompt"]}`] : []),
    ...(line === "" ? [] : [line]),
  ];
  return lines.join("\n");
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The texts that carry a recipe in a PNG. */
export function recipeTexts(recipe: Recipe): readonly (readonly [string, string])[] {
  return [[PARAMETERS, formatParameters(recipe)], [RECIPE, asciiJson(recipe)]];
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/**
 * The texts of a PNG (tEXt, and iTXt that is not compressed) by keyword, without decoding pixels.
 *
 * @throws {SyntaxError} if it is no PNG or is cut off.
 */
export function readPngTexts(png: Uint8Array): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { type, data } of pngChunks(png)) {
    if (type !== "tEXt" && type !== "iTXt") continue;
    const end = data.indexOf(0);
    if (end < 0) continue;
    const keyword = latin1(data.subarray(0, end));
    if (type === "tEXt") {
      texts.set(keyword, latin1(data.subarray(end + 1)));
      continue;
    }
    const isCompressed = data[end + 1] !== 0;
    const language = data.indexOf(0, end + 3);
    const translated = data.indexOf(0, language + 1);
    if (isCompressed || language < 0 || translated < 0) continue;
    texts.set(keyword, new TextDecoder().decode(data.subarray(translated + 1)));
  }
  return texts;
}

/**
 * The recipe that an image file of ours carries (PNG, JPEG or WebP), or `undefined` when it carries none.
 *
 * @throws {SyntaxError} if it is no such file, or a PNG that is cut off.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { DenoiseImage, readRecipe } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const image = new DenoiseImage(1, 1, 3, new Uint8Array(3), { recipe: { seed: 7 } });
 * assertEquals(readRecipe(await image.encode("png")), { seed: 7 });
 * ```
 */
export function readRecipe(file: Uint8Array): Recipe | undefined {
  if (startsWith(file, "\xff\xd8")) return recipeInExif(jpegMetadata(file).exif);
  if (startsWith(file, "RIFF") && startsWith(file, "WEBP", 8)) {
    return recipeInExif(webpMetadata(file).exif);
  }
  const text = readPngTexts(file).get(RECIPE);
  return text === undefined ? undefined : parseRecipe(text);
}
