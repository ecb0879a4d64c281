/** Words of numbers, 32 bits each, the lowest first; 0 is one word. */
function wordsOf(value: bigint): number[] {
  const words: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 32n) words.push(Number(rest & 0xffffffffn));
  return words.length === 0 ? [0] : words;
}

/** A hash whose multiplier changes with every use. */
function hasher(start: number, multiplier: number): (value: number) => number {
  let hash = start;
  return (value) => {
    const mixed = value ^ hash;
    hash = Math.imul(hash, multiplier);
    const product = Math.imul(mixed, hash);
    return (product ^ (product >>> 16)) >>> 0;
  };
}

function mix(x: number, y: number): number {
  const result = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
  return (result ^ (result >>> 16)) >>> 0;
}

/**
 * Seeds that are spread well: `numpy.random.SeedSequence(entropy, spawn_key, pool_size)`
 * `.generate_state(count)`, bit for bit.
 *
 * @param entropy An integer from 0.
 * @param spawnKey Integers from 0 that tell sequences of one entropy apart.
 * @param poolSize Words that the entropy is spread over.
 * @param count Number of seeds, 32 bits each.
 */
export function seedSequence(
  entropy: bigint,
  spawnKey: readonly number[],
  poolSize: number,
  count: number,
): number[] {
  const own = wordsOf(entropy);
  const padding = spawnKey.length === 0 ? 0 : Math.max(0, poolSize - own.length);
  const keys = spawnKey.flatMap((key) => wordsOf(BigInt(key)));
  const words = [...own, ...new Array<number>(padding).fill(0), ...keys];

  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = Array.from({ length: poolSize }, (_, i) => hash(words[i] ?? 0));
  for (let source = 0; source < poolSize; source++) {
    for (let target = 0; target < poolSize; target++) {
      if (source !== target) pool[target] = mix(pool[target]!, hash(pool[source]!));
    }
  }
  for (const word of words.slice(poolSize)) {
    for (let target = 0; target < poolSize; target++) pool[target] = mix(pool[target]!, hash(word));
  }
  const draw = hasher(0x8b51f9dd, 0x58f38ded);
  return Array.from({ length: count }, (_, i) => draw(pool[i % poolSize]!));
}
