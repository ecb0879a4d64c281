import type { z } from "@hono/zod-openapi";
import {
  getMultipartBoundary,
  MaxHeaderSizeExceededError,
  MaxPartsExceededError,
  MultipartParser,
  type MultipartPart,
} from "@remix-run/multipart-parser";
import { turn } from "../async/turn.ts";
import { invalid, ServeError } from "../contract/errors.ts";
import type { AppContext } from "./context.ts";
import { JsonMeter } from "./json_meter.ts";
import { readBytes, readPieces } from "./read_bytes.ts";
import { utf8 } from "./utf8.ts";

/** What a form carries: texts and files by field name, `[]` left out of the name. */
export type Form = ReadonlyMap<string, readonly (string | Uint8Array)[]>;

function mediaTypeOf(c: AppContext): string {
  return (c.req.header("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

/** Refuses a body of another type. */
function expectType(c: AppContext, wanted: string): void {
  const found = mediaTypeOf(c);
  if (found === wanted) return;
  throw new ServeError(
    "unsupported_media_type",
    `Cannot read a body of type ${JSON.stringify(found)}: content-type must be ${wanted}`,
  );
}

/** Bodies of JSON above that size let others have their turn between the parts of the work. */
const LARGE = 1_000_000;

/** Reads a body of JSON, of type application/json or none. */
export async function readJson(c: AppContext, maxBytes: number): Promise<unknown> {
  if (mediaTypeOf(c) !== "") expectType(c, "application/json");
  const meter = new JsonMeter();
  return await parseJson(await readBytes(c, maxBytes, (piece) => meter.add(piece)));
}

async function parseJson(bytes: Uint8Array): Promise<unknown> {
  const isLarge = bytes.length > LARGE;
  try {
    if (isLarge) await turn();
    const text = utf8(bytes);
    if (isLarge) await turn();
    const value: unknown = JSON.parse(text);
    if (isLarge) await turn();
    return value;
  } catch {
    throw invalid(undefined, "Cannot read the body: it is not valid JSON");
  }
}

/** What files of images begin with: PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF. */
const IMAGE_STARTS = /^(\x89PNG|\xff\xd8\xff|RIFF[^]{4}WEBP|GIF8|BM|II\*\0|MM\0\*|[^]{4}ftypavi)/;

/**
 * Reads a body that is an image or JSON. Some clients send an image without saying so: where no type is
 * given, its first bytes say it.
 */
export async function readJsonOrImage(
  c: AppContext,
  maxBytes: number,
): Promise<{ readonly json: unknown } | { readonly image: Uint8Array }> {
  const type = mediaTypeOf(c);
  if (type.startsWith("image/") || type === "application/octet-stream") {
    return { image: await readBytes(c, maxBytes) };
  }
  if (type !== "") return { json: await readJson(c, maxBytes) };
  const bytes = await readBytes(c, maxBytes);
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (IMAGE_STARTS.test(start)) return { image: bytes };
  new JsonMeter().add(bytes);
  return { json: await parseJson(bytes) };
}

/** Fields and files of a form; a request has some dozens. */
const MAX_PARTS = 100;
/** The longest boundary of RFC 2046. */
const MAX_BOUNDARY = 70;

/** Reads a form with files, part for part as it comes. */
export async function readForm(c: AppContext, maxBytes: number): Promise<Form> {
  expectType(c, "multipart/form-data");
  const boundary = getMultipartBoundary(c.req.header("content-type")!)?.trim() ?? "";
  if (boundary === "" || boundary.length > MAX_BOUNDARY) {
    throw invalid(
      undefined,
      `Cannot read the form: content-type must name its boundary, of at most ${MAX_BOUNDARY} bytes`,
    );
  }
  const parser = new MultipartParser(boundary, {
    maxFileSize: maxBytes,
    maxTotalSize: maxBytes,
    maxParts: MAX_PARTS,
  });
  const form = new Map<string, (string | Uint8Array)[]>();
  for await (const piece of readPieces(c, maxBytes)) {
    orInvalidForm(() => {
      for (const part of parser.write(piece)) keep(form, part);
    });
  }
  orInvalidForm(() => parser.finish());
  return form;
}

function keep(form: Map<string, (string | Uint8Array)[]>, part: MultipartPart): void {
  const key = (part.name ?? "").replace(/\[\d*\]$/, "");
  const item = part.isFile ? part.bytes : utf8(part.bytes);
  const items = form.get(key);
  if (items === undefined) form.set(key, [item]);
  else items.push(item);
}

/** Errors of the parser as errors of the caller. */
function orInvalidForm(parse: () => void): void {
  try {
    parse();
  } catch (cause) {
    if (cause instanceof MaxPartsExceededError || cause instanceof MaxHeaderSizeExceededError) {
      throw new ServeError(
        "payload_too_large",
        `Cannot read the form: it can have ${MAX_PARTS} parts at most, with heads of 8 kB`,
        { cause },
      );
    }
    // what comes after the end has no meaning (RFC 2046, 5.1.1)
    if (cause instanceof Error && cause.message.includes("after end of stream")) return;
    throw invalid(undefined, "Cannot read the body: it is not a valid form");
  }
}

/** What the fields of a form are; the others are texts. */
export interface FormKinds {
  /** Those that are numbers. */
  readonly numbers: readonly string[];
  /** Those that are true or false. */
  readonly flags: readonly string[];
  /** Those that are lists, as JSON; none by default. */
  readonly lists?: readonly string[];
  /** Those that are files, which {@linkcode formFile} gives. */
  readonly files: readonly string[];
}

/**
 * The fields of a form as JSON has them: numbers and flags as such, where the field is one. A field
 * without a text is left out, and a file that comes as another field stays one.
 */
export function formFields(form: Form, kinds: FormKinds): object {
  const { numbers, flags, lists = [], files } = kinds;
  const fields: [string, unknown][] = [];
  for (const [name, values] of form) {
    if (files.includes(name) || values.every((value) => value === "")) continue;
    if (values.length > 1) {
      throw invalid(name, `${name} is given ${values.length} times: give it once`);
    }
    const value = values[0]!;
    if (typeof value !== "string") fields.push([name, value]);
    else if (lists.includes(name)) fields.push([name, asList(value)]);
    else fields.push([name, numbers.includes(name) ? asNumber(value) : asFlag(value, flags, name)]);
  }
  return Object.fromEntries(fields);
}

function asNumber(value: string): number | string {
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value) ? Number(value) : value;
}

/** What the text stands for; a text that is no JSON stays one, which the schema refuses. */
function asList(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function asFlag(value: string, flags: readonly string[], name: string): boolean | string {
  return flags.includes(name) && /^(true|false)$/.test(value) ? value === "true" : value;
}

/** The one file of a field. */
export function formFile(form: Form, name: string): Uint8Array | undefined {
  const values = form.get(name) ?? [];
  if (values.length === 0 || values.length === 1 && values[0] === "") return undefined;
  if (values.length > 1) {
    throw invalid(name, `Cannot take ${values.length} files as ${name}: give one`);
  }
  const [file] = values;
  if (file instanceof Uint8Array && file.length > 0) return file;
  throw invalid(
    name,
    `${name} must be a file: a PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF, but is ${
      typeof file === "string" ? shown(file) : "empty"
    }`,
  );
}

/**
 * The files of a field that may have several, in their order.
 *
 * @param most How many there can be.
 */
export function formFiles(form: Form, name: string, most: number): Uint8Array[] {
  const values = form.get(name) ?? [];
  if (values.length > most) {
    throw invalid(name, `Cannot take ${values.length} files as ${name}: give at most ${most}`);
  }
  return values.map((value) => formFile(new Map([[name, [value]]]), name))
    .filter((file) => file !== undefined);
}

/**
 * Checks a value against a schema.
 *
 * @throws {ServeError} `invalid_input` that names the first field at fault, says what it must be, and
 *   what it is.
 */
export function check<T extends z.ZodType>(schema: T, value: unknown, prefix = ""): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const path = [...prefix === "" ? [] : [prefix], ...issue.path.map(String)].join(".");
  if (path === "") {
    throw invalid(undefined, `The body must be a JSON object, but is ${shown(value)}`);
  }
  const found = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  );
  const sentence = issue.message.startsWith("must ") ? issue.message : sentenceOf(issue);
  throw invalid(
    path,
    found === undefined
      ? `${path} is missing; it ${sentence}`
      : `${path} ${sentence}, but is ${shown(found)}`,
  );
}

/** What each type of zod is called here. */
const TYPES: Readonly<Record<string, string>> = {
  object: "an object",
  array: "a list",
  string: "a text",
  boolean: "true or false",
};

function sentenceOf(issue: z.core.$ZodIssue): string {
  const expected = issue.code === "invalid_type" ? TYPES[issue.expected] : undefined;
  return expected === undefined ? "must be of another type" : `must be ${expected}`;
}

/** Characters of a text that are shown at most. */
const MAX_SHOWN = 40;

/** A value as a message tells of it. */
function shown(value: unknown): string {
  if (typeof value === "string") {
    const isLong = value.length > MAX_SHOWN;
    return `the text ${JSON.stringify(value.slice(0, MAX_SHOWN).toWellFormed())}${
      isLong ? "..." : ""
    }`;
  }
  if (value instanceof Uint8Array) return "a file";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}
