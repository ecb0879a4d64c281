const N = 624;
const M = 397;

/**
 * MT19937, the 32-bit Mersenne Twister, seeded as `init_genrand` does it; the engine of torch's
 * CPU generator. (Matsumoto and Nishimura, 1998, doi:10.1145/272991.272995.)
 */
export class MersenneTwister {
  readonly #state: Uint32Array;
  #next: number;

  /** Seeds with the low 32 bits of a number. */
  constructor(seed: number) {
    const state = new Uint32Array(N);
    state[0] = seed;
    for (let i = 1; i < N; i++) {
      const x = state[i - 1]! ^ (state[i - 1]! >>> 30);
      state[i] = Math.imul(1812433253, x) + i;
    }
    this.#state = state;
    this.#next = N;
  }

  /** The next 32 random bits, as an unsigned number. */
  next(): number {
    if (this.#next === N) this.#turn();
    let y = this.#state[this.#next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** The state: 624 words and the place of the next one. */
  save(): { words: Uint32Array; next: number } {
    return { words: this.#state.slice(), next: this.#next };
  }

  /** Goes on from a saved state. */
  restore(words: Uint32Array, next: number): void {
    this.#state.set(words);
    this.#next = next;
  }

  #turn(): void {
    const s = this.#state;
    for (let i = 0; i < N - M; i++) s[i] = s[i + M]! ^ twist(s[i]!, s[i + 1]!);
    for (let i = N - M; i < N - 1; i++) s[i] = s[i + M - N]! ^ twist(s[i]!, s[i + 1]!);
    s[N - 1] = s[M - 1]! ^ twist(s[N - 1]!, s[0]!);
    this.#next = 0;
  }
}

function twist(u: number, v: number): number {
  const mixed = (u & 0x80000000) | (v & 0x7fffffff);
  return (mixed >>> 1) ^ (v & 1 ? 0x9908b0df : 0);
}
