/**
 * Stand-in for `@std/testing/snapshot`: the same file layout, `__snapshots__/<file>.snap`, written
 * with `deno task test PATH -- --update`.
 *
 * @module
 */
// deno-lint-ignore no-import-prefix -- served as is, without the import map
import { assertEquals, AssertionError } from "jsr:@std/assert@^1.0.0";

/** How a value is compared. */
export interface SnapshotOptions<T = unknown> {
  /** Name of the snapshot; the path of test names by default. */
  name?: string;
  /** Text of the value; `serialize` by default. */
  serializer?: (actual: T) => string;
  /** Said when the values differ. */
  msg?: string;
}

interface Book {
  path: URL;
  stored: Map<string, string>;
  used: Map<string, string>;
  counts: Map<string, number>;
}

const books = new Map<string, Promise<Book>>();

/** Text that stands for a value: its keys sorted, in full depth. */
export function serialize(actual: unknown): string {
  return Deno.inspect(actual, {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: Infinity,
    strAbbreviateSize: Infinity,
    breakLength: Infinity,
    escapeSequences: false,
  });
}

/** Asserts that a value is what the snapshot of this test holds. */
export async function assertSnapshot<T>(
  context: Deno.TestContext,
  actual: T,
  options: string | SnapshotOptions<T> = {},
): Promise<void> {
  const { name, serializer = serialize, msg } = typeof options === "string"
    ? { msg: options }
    : options;
  if (!books.has(context.origin)) books.set(context.origin, open(context.origin));
  const book = await books.get(context.origin)!;
  const title = name ?? titleOf(context);
  const count = (book.counts.get(title) ?? 0) + 1;
  book.counts.set(title, count);
  const key = `${title} ${count}`;
  const text = serializer(actual);
  if (isUpdate()) {
    book.used.set(key, text);
    return;
  }
  const expected = book.stored.get(key);
  if (expected === undefined) {
    throw new AssertionError(`Missing snapshot: ${key}. Write it with "-- --update"`);
  }
  assertEquals(text, expected, msg ?? `Snapshot does not match: ${key}`);
}

function titleOf(context: Deno.TestContext): string {
  return context.parent ? `${titleOf(context.parent)} > ${context.name}` : context.name;
}

function isUpdate(): boolean {
  return Deno.args.some((arg) => arg === "--update" || arg === "-u");
}

async function open(origin: string): Promise<Book> {
  const file = origin.slice(origin.lastIndexOf("/") + 1);
  const path = new URL(`__snapshots__/${file}.snap`, origin);
  const stored = new Map<string, string>();
  const text = await Deno.readTextFile(path).catch(() => "");
  const entry = /^snapshot\[`((?:\\.|[^\\`])*)`\] = `((?:\\.|[^\\`])*)`;$/gm;
  for (const [, key, value] of text.matchAll(entry)) {
    stored.set(unescape(key!), unescape(value!).replace(/^\n([^]*\n[^]*)\n$/, "$1"));
  }
  const book = { path, stored, used: new Map<string, string>(), counts: new Map() };
  if (isUpdate()) addEventListener("unload", () => write(book));
  return book;
}

function write(book: Book): void {
  const lines = ["export const snapshot = {};"];
  for (const [key, text] of book.used) {
    const value = escape(text);
    lines.push(
      `snapshot[\`${escape(key)}\`] = \`${value.includes("\n") ? `\n${value}\n` : value}\`;`,
    );
  }
  Deno.mkdirSync(new URL(".", book.path), { recursive: true });
  Deno.writeTextFileSync(book.path, lines.join("\n\n") + "\n");
}

function escape(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/`/g, "\\`").replace(/\$/g, "\\$");
}

function unescape(text: string): string {
  return text.replace(/\\([^])/g, "$1");
}
