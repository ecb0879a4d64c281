/** The known name that differs from one that is none by few letters, if any does. */
export function nearName(name: string, known: readonly string[]): string | undefined {
  return known.map((one) => ({ one, far: distance(name, one) }))
    .filter(({ one, far }) => far <= Math.max(2, one.length / 4) && far < one.length)
    .sort((a, b) => a.far - b.far)[0]?.one;
}

/** How many letters have to be put in, taken out or replaced (Levenshtein), whatever their case. Underscores do not count. */
function distance(a: string, b: string): number {
  const plain = (word: string) => word.toLowerCase().replaceAll("_", "");
  const [from, to] = [plain(a), plain(b)];
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, replaced));
    }
    row = next;
  }
  return row[to.length]!;
}
