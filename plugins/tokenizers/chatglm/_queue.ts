/** Two neighbours that may be merged. */
export interface Pair {
  /** Number of the first one. */
  readonly left: number;
  /** Number of the second one. */
  readonly right: number;
  /** How likely the piece is that they make. */
  readonly score: number;
  /** How long it is. */
  readonly length: number;
}

function isBefore(a: Pair, b: Pair): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left);
}

/** Pairs of which the one with the highest score is taken first, of equal ones the first in the text: a binary heap. */
export class PairQueue {
  readonly #pairs: Pair[] = [];

  /** Puts a pair in. */
  add(pair: Pair): void {
    const pairs = this.#pairs;
    let i = pairs.push(pair) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(pair, pairs[parent]!)) break;
      pairs[i] = pairs[parent]!;
      i = parent;
    }
    pairs[i] = pair;
  }

  /** Takes the best one out; undefined when there is none. */
  take(): Pair | undefined {
    const pairs = this.#pairs;
    const best = pairs[0];
    const last = pairs.pop();
    if (last === undefined || pairs.length === 0) return best;
    let i = 0;
    for (;;) {
      const [left, right] = [pairs[2 * i + 1], pairs[2 * i + 2]];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!isBefore(child, last)) break;
      pairs[i] = child;
      i = 2 * i + (isRight ? 2 : 1);
    }
    pairs[i] = last;
    return best;
  }
}
