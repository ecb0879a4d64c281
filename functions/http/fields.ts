/**
 * Fields of request bodies. Each says in one sentence what it must be, whatever is wrong with it.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { bytesOf } from "./base64.ts";

/** An optional field: absent or null is all the same. */
export function optional<T extends z.ZodType>(
  schema: T,
): z.ZodPipe<z.ZodOptional<z.ZodNullable<T>>, z.ZodTransform<z.output<T> | undefined>> {
  return schema.nullish().transform((value) => value ?? undefined) as never;
}

/** A whole number. */
export function integer(min: number, max: number): z.ZodInt {
  const error = `must be an integer from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** A number. */
export function real(min: number, max: number): z.ZodNumber {
  const error = `must be a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
}

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(...words: T) {
  const error = `must be ${words.map((word) => JSON.stringify(word)).join(" or ")}`;
  return z.enum(words, { error });
}

/** Yes or no. */
export function flag(): z.ZodBoolean {
  return z.boolean({ error: "must be true or false" });
}

/** A text of so many bytes at most. */
export function text(maxBytes: number): z.ZodString {
  const error = `must be a text of at most ${maxBytes} bytes`;
  return z.string({ error }).max(maxBytes, { error }).refine(
    (value) => value.length <= maxBytes && new TextEncoder().encode(value).length <= maxBytes,
    { error },
  ).refine((value) => value.isWellFormed(), { error: "must be valid Unicode text" });
}

/** A seed: a whole number of at most 64 bits; above 2^53 as a string of digits. */
export function seed() {
  const error =
    "must be an integer from 0 to 18446744073709551615; above 9007199254740991 as a string";
  return z.union([
    z.int({ error }).min(0, { error }),
    z.string({ error }).refine(
      (digits) => /^\d{1,20}$/.test(digits) && BigInt(digits) < 2n ** 64n,
      { error },
    ),
  ], { error }).transform(String);
}

/** A size such as `512x768`, or `auto`. */
export function size() {
  const error = 'must be "auto" or width x height in pixels, such as "512x512"';
  return z.string({ error }).regex(/^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$/, { error });
}

/** Low-rank changes of the model by the names of their files; in a form as JSON. */
export function loras() {
  const error =
    'must be a list of at most 16 such as [{"name": "pixel", "weight": 0.8}], weights from -10 to 10';
  const Lora = z.strictObject({
    name: text(200),
    weight: z.number({ error }).min(-10, { error }).max(10, { error }).default(1),
  }, { error });
  return z.array(Lora, { error }).max(16, { error });
}

/** A file in base64, or as a data URL, of so many bytes at most; as bytes. */
export function base64File(maxBytes: number) {
  const error = `must be a file of at most ${maxBytes} bytes in base64`;
  return z.string({ error }).max(Math.ceil(maxBytes * 4 / 3) + 200, { error })
    .transform((text, context) => {
      const bytes = bytesOf(text);
      if (bytes !== undefined) return bytes;
      const isAddress = /^https?:/.test(text);
      const hint = isAddress ? "; addresses are not fetched by this server" : "";
      context.addIssue({ code: "custom", message: `${error}${hint}` });
      return z.NEVER;
    });
}

/** Images that say where things are, each with its ControlNet; in a form as JSON. */
export function controls(maxImageBytes: number) {
  const error = 'must be a list of at most 8 such as [{"name": "canny", "image": "<base64>", ' +
    '"scale": 0.8}]';
  const Control = z.strictObject({
    name: text(200),
    image: base64File(maxImageBytes),
    scale: optional(real(0, 10)),
    start: optional(real(0, 1)),
    end: optional(real(0, 1)),
    mode: optional(integer(0, 100)),
  }, { error });
  return z.array(Control, { error }).max(8, { error });
}

/** Width and height of a size; neither for `auto`. */
export function parseSize(value: string | undefined): { width?: number; height?: number } {
  const [, width, height] = value?.match(/^(\d+)x(\d+)$/) ?? [];
  return width === undefined ? {} : { width: Number(width), height: Number(height) };
}
