/** Reads JSON piece by piece, as serde_json does: repeated keys and how numbers are written stay. */
export class JsonReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  /** Starts before the first value. */
  constructor(text: string) {
    this.#text = text;
  }

  /** The character that the next value starts with; `""` at the end. */
  peek(): string {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at++;
    return this.#text[this.#at] ?? "";
  }

  /** Reads an object; `read` reads the value of each key. */
  object(read: (key: string) => void): void {
    this.#enter("{");
    for (let isFirst = true; this.peek() !== "}"; isFirst = false) {
      if (!isFirst) this.#expect(",");
      const key = this.string();
      this.#expect(":");
      read(key);
    }
    this.#leave("}");
  }

  /** Reads a list; `read` reads each of its values. */
  array(read: () => void): void {
    this.#enter("[");
    for (let isFirst = true; this.peek() !== "]"; isFirst = false) {
      if (!isFirst) this.#expect(",");
      read();
    }
    this.#leave("]");
  }

  /** Reads a string. */
  string(): string {
    const token = this.#token(/"(?:[^"\\]|\\.)*"/y);
    const value = JSON.parse(token) as string;
    if (!value.isWellFormed()) throw new SyntaxError("a string is not Unicode");
    return value;
  }

  /** Reads a number as it is written. */
  number(): string {
    const token = this.#token(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    if (!Number.isFinite(Number(token))) throw new SyntaxError("a number is out of range");
    return token;
  }

  /** Reads `null`, `true` or `false`. */
  word(): string {
    return this.#token(/null|true|false/y);
  }

  /** Reads a value of any kind. */
  skip(): void {
    const first = this.peek();
    if (first === "{") this.object(() => this.skip());
    else if (first === "[") this.array(() => this.skip());
    else if (first === '"') this.string();
    else if (/[ntf]/.test(first)) this.word();
    else this.number();
  }

  /** Makes sure that nothing follows. */
  end(): void {
    if (this.peek() !== "") throw new SyntaxError("something follows its end");
  }

  #enter(bracket: string): void {
    this.#expect(bracket);
    if (++this.#depth === 128) throw new SyntaxError("it is nested too deeply");
  }

  #leave(bracket: string): void {
    this.#expect(bracket);
    this.#depth--;
  }

  #expect(symbol: string): void {
    if (this.peek() !== symbol) throw new SyntaxError(`"${symbol}" is missing`);
    this.#at++;
  }

  #token(pattern: RegExp): string {
    this.peek();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) throw new SyntaxError("a value is missing");
    this.#at = pattern.lastIndex;
    return found[0];
  }
}
