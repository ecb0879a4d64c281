/** File name patterns as Python's `fnmatch` reads them: `*` crosses slashes. */

function translate(pattern: string): string {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    const end = char === "[" ? pattern.indexOf("]", at + (pattern[at + 1] === "!" ? 3 : 2)) : -1;
    if (char === "*") source += ".*";
    else if (char === "?") source += ".";
    else if (end > 0) {
      const inside = pattern.slice(at + 1, end).replace(/[\\[\]^]/g, "\\$&").replace(/^!/, "^");
      source += `[${inside}]`;
      at = end;
    } else source += char.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  }
  return source;
}

/** A test whether a name matches any of the patterns. */
export function anyGlob(patterns: readonly string[]): (name: string) => boolean {
  // names without wildcards, nearly all of them, are looked up
  const plain = new Set(patterns.filter((pattern) => !/[*?[]/.test(pattern)));
  const wild = patterns.filter((pattern) => /[*?[]/.test(pattern))
    .map((pattern) => new RegExp(`^(?:${translate(pattern)})$`, "s"));
  return (name) => plain.has(name) || wild.some((regex) => regex.test(name));
}
