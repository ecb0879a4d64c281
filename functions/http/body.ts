import type { z } from "@hono/zod-openapi";
import { invalid, ServeError } from "../contract/errors.ts";
import type { AppContext } from "./context.ts";
import { readBytes } from "./read_bytes.ts";

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

/** Reads a body of JSON, of type application/json or none. */
export async function readJson(c: AppContext, maxBytes: number): Promise<unknown> {
  if (mediaTypeOf(c) !== "") expectType(c, "application/json");
  const bytes = await readBytes(c, maxBytes);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid(undefined, "Cannot read the body: it is not valid JSON");
  }
}

/** Reads a form with files. */
export async function readForm(c: AppContext, maxBytes: number): Promise<Form> {
  expectType(c, "multipart/form-data");
  const bytes = await readBytes(c, maxBytes);
  const headers = { "content-type": c.req.header("content-type")! };
  let data: FormData;
  try {
    data = await new Response(bytes, { headers }).formData();
  } catch {
    throw invalid(undefined, "Cannot read the body: it is not a valid form");
  }
  const form = new Map<string, (string | Uint8Array)[]>();
  for (const [name, value] of data) {
    const key = name.replace(/\[\d*\]$/, "");
    const item = typeof value === "string" ? value : new Uint8Array(await value.arrayBuffer());
    form.set(key, [...form.get(key) ?? [], item]);
  }
  return form;
}

/** The texts of a form as JSON has them: numbers and flags as such, where the field is one. */
export function formFields(
  form: Form,
  numbers: readonly string[],
  flags: readonly string[],
): object {
  const fields: [string, unknown][] = [];
  for (const [name, values] of form) {
    const value = values.at(-1);
    if (typeof value !== "string" || value === "") continue;
    fields.push([name, numbers.includes(name) ? asNumber(value) : asFlag(value, flags, name)]);
  }
  return Object.fromEntries(fields);
}

function asNumber(value: string): number | string {
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value) ? Number(value) : value;
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
  throw invalid(name, `${name} must be a file: a PNG, JPEG, WebP or GIF`);
}

/**
 * Checks a value against a schema.
 *
 * @throws {ServeError} `invalid_input` that names the first field at fault.
 */
export function check<T extends z.ZodType>(schema: T, value: unknown, prefix = ""): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const path = [...prefix === "" ? [] : [prefix], ...issue.path.map(String)].join(".");
  if (path === "") throw invalid(undefined, "The body must be a JSON object");
  const missing = issue.code === "invalid_type" && issue.input === undefined;
  const sentence = issue.message.startsWith("must ") ? issue.message : "has a wrong type";
  throw invalid(path, `${path} ${missing ? `is missing; it ${sentence}` : sentence}`);
}
