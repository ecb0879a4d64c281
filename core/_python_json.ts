/**
 * JSON as Python's `json` module reads and writes it: 1 and 1.0 are different numbers, NaN and the
 * infinities stand as bare words, text is written in ASCII.
 */

/** Where the floats of a document are: keys and positions from the root, joined by `/`. */
export type FloatPaths = ReadonlySet<string>;

const BARE_WORDS = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;
const MARK = "\u0000python:";

/**
 * Parses a document and finds its floats.
 *
 * @throws {SyntaxError} when it is not JSON.
 */
export function parsePythonJson(text: string): { value: unknown; floats: FloatPaths } {
  const found = new Map<unknown, Set<string>>();
  const quoted = text.replace(BARE_WORDS, (token) => {
    return token.startsWith('"') ? token : JSON.stringify(MARK + token);
  });
  function revive(this: unknown, key: string, item: unknown, context?: { source?: string }) {
    const isBare = typeof item === "string" && item.startsWith(MARK);
    if (isBare || (typeof item === "number" && /[.eE]/.test(context?.source ?? ""))) {
      found.set(this, (found.get(this) ?? new Set()).add(key));
    }
    return isBare ? Number(item.slice(MARK.length)) : item;
  }
  const value: unknown = JSON.parse(quoted, revive as (key: string, item: unknown) => unknown);
  const floats = new Set<string>();
  collect(value, "");
  return { value, floats };

  function collect(holder: unknown, path: string): void {
    if (typeof holder !== "object" || holder === null) return;
    for (const [key, item] of Object.entries(holder)) {
      if (found.get(holder)?.has(key)) floats.add(path + key);
      collect(item, `${path}${key}/`);
    }
  }
}

/** Writes a value as `json.dumps(value, indent=2, sort_keys=True)` does. */
export function dumpPythonJson(value: unknown, floats: FloatPaths, indent = "", path = ""): string {
  const inner = indent + "  ";
  const write = (item: unknown, key: string | number): string =>
    dumpPythonJson(item, floats, inner, path === "" ? `${key}` : `${path}/${key}`);
  if (typeof value === "number") return dumpNumber(value, floats.has(path));
  if (typeof value === "string") return dumpString(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const isList = Array.isArray(value);
  const lines = isList ? value.map(write) : Object.entries(value).sort(byKey).map(([key, item]) => {
    return `${dumpString(key)}: ${write(item, key)}`;
  });
  const [open, close] = isList ? "[]" : "{}";
  if (lines.length === 0) return `${open}${close}`;
  return `${open}\n${lines.map((line) => inner + line).join(",\n")}\n${indent}${close}`;
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A number as Python's `repr` writes it. */
function dumpNumber(value: number, isFloat: boolean): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && !isFloat) return BigInt(value).toString();
  if (Object.is(value, -0)) return "-0.0";
  const magnitude = Math.abs(value);
  if (value !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return Number.isInteger(value) ? `${value}.0` : `${value}`;
}

function dumpString(value: string): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
