/** What a pickle may call; the arguments come as they are, unchecked. */
export type PickleFunction = (args: readonly unknown[]) => unknown;

/** What a pickle may name. */
export interface PickleNames {
  /** What stands for a class or function, of those that are known. */
  readonly globals: ReadonlyMap<string, unknown>;
  /** What a persistent id stands for. */
  persistent(id: unknown): unknown;
}

/** The most lists, tuples and dicts that a pickle may make: five for each tensor. */
const MOST_CONTAINERS = 400_000;
const CODES = {
  ...{ MARK: 0x28, STOP: 0x2e, BINPUT: 0x71, LONG_BINPUT: 0x72, BINGET: 0x68, LONG_BINGET: 0x6a },
  ...{ NONE: 0x4e, TRUE: 0x88, FALSE: 0x89, BININT: 0x4a, BININT1: 0x4b, BININT2: 0x4d },
  ...{ LONG1: 0x8a, BINFLOAT: 0x47, BINUNICODE: 0x58, SHORT_BINSTRING: 0x55, PROTO: 0x80 },
  ...{ EMPTY_TUPLE: 0x29, TUPLE: 0x74, TUPLE1: 0x85, TUPLE2: 0x86, TUPLE3: 0x87 },
  ...{ EMPTY_LIST: 0x5d, APPEND: 0x61, APPENDS: 0x65, EMPTY_DICT: 0x7d, SETITEM: 0x73 },
  ...{ SETITEMS: 0x75, GLOBAL: 0x63, REDUCE: 0x52, BUILD: 0x62, BINPERSID: 0x51 },
} as const;

/**
 * Reads one pickle: a stack machine of the words that torch writes (protocol 2), and no others. Lists and tuples become
 * arrays, dicts Maps, long numbers bigints where they are no safe integers.
 *
 * @param bytes From where the pickle begins.
 * @returns What it makes, and how many bytes it took.
 * @throws {SyntaxError} saying what it does that is not known.
 */
export function unpickle(bytes: Uint8Array, names: PickleNames): { value: unknown; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stack: unknown[] = [];
  const marks: number[] = [];
  const memo = new Map<number, unknown>();
  let at = 0;
  let containers = 0;

  const take = (length: number): number => {
    if (length > bytes.length - at) throw new SyntaxError("it ends in the middle of its pickle");
    at += length;
    return at - length;
  };
  const text = (length: number): string => {
    const start = take(length);
    return new TextDecoder().decode(bytes.subarray(start, start + length));
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    const result = text(end < 0 ? Infinity : end - at);
    take(1);
    return result;
  };
  const pop = (): unknown => {
    if (stack.length <= (marks.at(-1) ?? 0)) {
      throw new SyntaxError("its pickle takes what is not there");
    }
    return stack.pop();
  };
  const top = <T>(isKind: (value: unknown) => value is T, kind: string): T => {
    const value = pop();
    stack.push(value);
    if (isKind(value)) return value;
    throw new SyntaxError(`its pickle adds to what is no ${kind}`);
  };
  const popMark = (): unknown[] => {
    const from = marks.pop();
    if (from === undefined) throw new SyntaxError("its pickle closes what it did not open");
    return stack.splice(from);
  };
  const make = <T>(container: T): void => {
    if (++containers > MOST_CONTAINERS) {
      throw new SyntaxError(`its pickle makes more than ${MOST_CONTAINERS} lists and dicts`);
    }
    stack.push(container);
  };
  const tuple = (length: number): void => make(Array.from({ length }, pop).reverse());
  const setItems = (items: readonly unknown[]): void => {
    const dict = top((value) => value instanceof Map, "dict");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  };
  const long = (length: number): number | bigint => {
    const start = take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[start + i]!);
    const signed = BigInt.asIntN(Math.max(1, 8 * length), value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  };
  const recall = (place: number): void => {
    if (!memo.has(place)) throw new SyntaxError("its pickle recalls what it did not keep");
    stack.push(memo.get(place));
  };
  const keep = (place: number): void => {
    memo.set(place, top((_value): _value is unknown => true, "value"));
  };
  const global = (): void => {
    const name = `${line()}.${line()}`;
    if (names.globals.has(name)) stack.push(names.globals.get(name));
    else throw new SyntaxError(`its pickle calls for ${JSON.stringify(name)}`);
  };
  const reduce = (): void => {
    const [args, called] = [pop(), pop()];
    if (typeof called !== "function" || !Array.isArray(args)) {
      throw new SyntaxError("its pickle calls what is no function");
    }
    make((called as PickleFunction)(args));
  };

  for (;;) {
    const code = bytes[take(1)]!;
    if (code === CODES.STOP) return { value: pop(), end: at };
    else if (code === CODES.PROTO) take(1);
    else if (code === CODES.MARK) marks.push(stack.length);
    else if (code === CODES.BINPUT) keep(bytes[take(1)]!);
    else if (code === CODES.LONG_BINPUT) keep(view.getUint32(take(4), true));
    else if (code === CODES.BINGET) recall(bytes[take(1)]!);
    else if (code === CODES.LONG_BINGET) recall(view.getUint32(take(4), true));
    else if (code === CODES.NONE) stack.push(null);
    else if (code === CODES.TRUE) stack.push(true);
    else if (code === CODES.FALSE) stack.push(false);
    else if (code === CODES.BININT) stack.push(view.getInt32(take(4), true));
    else if (code === CODES.BININT1) stack.push(bytes[take(1)]!);
    else if (code === CODES.BININT2) stack.push(view.getUint16(take(2), true));
    else if (code === CODES.LONG1) stack.push(long(bytes[take(1)]!));
    else if (code === CODES.BINFLOAT) stack.push(view.getFloat64(take(8)));
    else if (code === CODES.BINUNICODE) stack.push(text(view.getUint32(take(4), true)));
    else if (code === CODES.SHORT_BINSTRING) stack.push(text(bytes[take(1)]!));
    else if (code === CODES.EMPTY_TUPLE || code === CODES.EMPTY_LIST) make([]);
    else if (code === CODES.TUPLE) make(popMark());
    else if (code === CODES.TUPLE1) tuple(1);
    else if (code === CODES.TUPLE2) tuple(2);
    else if (code === CODES.TUPLE3) tuple(3);
    else if (code === CODES.EMPTY_DICT) make(new Map());
    else if (code === CODES.APPEND) {
      const item = pop();
      top((value) => Array.isArray(value), "list").push(item);
    } else if (code === CODES.APPENDS) {
      const items = popMark();
      const list = top((value) => Array.isArray(value), "list");
      for (const item of items) list.push(item);
    } else if (code === CODES.SETITEM) {
      const [value, key] = [pop(), pop()];
      setItems([key, value]);
    } else if (code === CODES.SETITEMS) setItems(popMark());
    else if (code === CODES.GLOBAL) global();
    else if (code === CODES.REDUCE) reduce();
    else if (code === CODES.BUILD) {
      pop(); // what an OrderedDict remembers beside its entries, such as versions of modules
      top((value) => value instanceof Map, "dict");
    } else if (code === CODES.BINPERSID) stack.push(names.persistent(pop()));
    else {
      throw new SyntaxError(
        `its pickle has the word 0x${code.toString(16).padStart(2, "0")} at byte ${at - 1}`,
      );
    }
  }
}
