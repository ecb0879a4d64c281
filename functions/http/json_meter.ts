import { ServeError } from "../contract/errors.ts";

/** Lists, objects and items of them that a body can hold; requests have some dozens. */
const MAX_VALUES = 10_000;
/** How deep they can lie in each other. */
const MAX_DEPTH = 64;
/** Bytes outside of texts, of names, and escapes: what is none of them is copied, which costs little. */
const MAX_COSTLY = 2_000_000;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Weighs JSON while its bytes come, so that what would take long to parse, or much memory, is refused
 * before: parsing costs by the values that there are, hardly by the length of a text. Names are hashed, and
 * looked for among those that a door knows, so they count as what is no text. Whether it is valid is not looked at.
 */
export class JsonMeter {
  #values = 0;
  #depth = 0;
  #costly = 0;
  #inString = false;
  #isEscaped = false;
  /** Whether the next string is the name of a field. */
  #isName = false;
  /** Whether what is open at each depth is an object. */
  readonly #objects = new Array<boolean>(MAX_DEPTH + 1).fill(false);

  /**
   * Takes in the next bytes; linear in their number.
   *
   * @throws {ServeError} `payload_too_large` when the body holds too much.
   */
  add(bytes: Uint8Array): void {
    const objects = this.#objects;
    let [values, depth, costly] = [this.#values, this.#depth, this.#costly];
    let [inString, isEscaped, isName] = [this.#inString, this.#isEscaped, this.#isName];
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (inString) {
        if (isName) costly++;
        if (isEscaped) isEscaped = false;
        else if (byte === QUOTE) inString = false;
        else if (byte === BACKSLASH) {
          isEscaped = true;
          costly++;
        }
        continue;
      }
      costly++;
      if (byte === QUOTE) inString = true;
      else if (byte === COLON) isName = false;
      else if (byte === COMMA) {
        values++;
        isName = objects[depth]!;
      } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        values++;
        if (++depth > MAX_DEPTH) throw tooMuch(`lists and objects ${MAX_DEPTH} deep at most`);
        objects[depth] = isName = byte === OPEN_OBJECT;
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
    }
    if (values > MAX_VALUES) throw tooMuch(`${MAX_VALUES} values at most`);
    if (costly > MAX_COSTLY) {
      throw tooMuch(`${MAX_COSTLY} bytes of names, numbers and marks at most`);
    }
    [this.#values, this.#depth, this.#costly] = [values, depth, costly];
    [this.#inString, this.#isEscaped, this.#isName] = [inString, isEscaped, isName];
  }
}

function tooMuch(most: string): ServeError {
  return new ServeError("payload_too_large", `Cannot read the body: it can hold ${most}`);
}
