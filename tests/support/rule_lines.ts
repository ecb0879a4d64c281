/**
 * Reads what is drawn from the indented lines of rules, as scripts/reference/rule_lines.py writes
 * them; tests/fixtures/README.md describes the format.
 *
 * @module
 */

/** A draw by what becomes of it, a level by what is in it or by the earlier level that it is like. */
type What = { readonly rule: string } | { readonly body: Part[] } | { readonly like: string };

interface Part {
  /** As they are written: `mid.0~2.norm1,norm2`; empty of what is skipped. */
  readonly names: string;
  readonly what: What;
}

/** What is drawn in its order: the full name, none of what is skipped, and the rule with its size. */
export function drawsIn(lines: readonly string[]): [name: string | undefined, rule: string][] {
  const root: Part[] = [];
  const open = [root]; // the bodies of the levels that a line may stand in
  for (const line of lines) {
    const depth = line.search(/[^ ]/);
    const body = open[depth - 1]!;
    open.length = depth;
    const [label, items] = line.trim().split(": ") as [string, string?];
    const [names, like] = label.split(" like ") as [string, string?];
    if (items !== undefined) body.push({ names, what: { body: items.split("; ").map(item) } });
    else if (like !== undefined) body.push({ names, what: { like } });
    else if (names.includes(" ")) body.push(...names.split("; ").map(item));
    else {
      const inner: Part[] = [];
      body.push({ names, what: { body: inner } });
      open.push(inner);
    }
  }
  return walk(root, "", new Map());
}

function item(text: string): Part {
  if (/^(skip|pass) /.test(text)) return { names: "", what: { rule: text } };
  const space = text.indexOf(" ");
  return { names: text.slice(0, space), what: { rule: text.slice(space + 1) } };
}

function walk(
  body: readonly Part[],
  path: string,
  levels: Map<string, readonly Part[]>,
): [string | undefined, string][] {
  return body.flatMap(({ names, what }) => {
    if ("rule" in what && names === "") return [[undefined, what.rule]];
    return expanded(names).flatMap((name): [string | undefined, string][] => {
      const full = path === "" ? name : `${path}.${name}`;
      if ("rule" in what) return [[full, what.rule]];
      const inner = "body" in what ? what.body : known(what.like, full, levels);
      levels.set(full, inner);
      return walk(inner, full, levels);
    });
  });
}

function known(like: string, path: string, levels: ReadonlyMap<string, readonly Part[]>) {
  const body = levels.get(like);
  if (body !== undefined) return body;
  throw new SyntaxError(
    `Cannot read the rules of weights: no level ${like} before ${path}, which is said to be like it`,
  );
}

/** `a.0~2,5` as a.0, a.1, a.2 and a.5. */
function expanded(names: string): string[] {
  return names.split(".").map((part) => part.split(",").flatMap(range)).reduce((before, part) =>
    before.flatMap((first) => part.map((last) => `${first}.${last}`))
  );
}

function range(text: string): string[] {
  const [first, last] = text.split("~") as [string, string?];
  if (last === undefined) return [text];
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => `${Number(first) + i}`);
}
