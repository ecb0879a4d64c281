/**
 * Structural equality with the rules of `@std/assert`: `NaN` equals `NaN`, `0` equals `-0`, an
 * own property that is `undefined` is not the same as a missing one, and the order of keys, set
 * members and map entries does not matter.
 *
 * @module
 */

/** Says whether two values are structurally equal. */
export function equal(a: unknown, b: unknown): boolean {
  return same(a, b, new Map());
}

/** `seen` holds the pairs under comparison, so that cyclic values end. */
function same(a: unknown, b: unknown, seen: Map<object, object>): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (!sameKind(a, b)) return false;
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b);
  if (a instanceof WeakMap || a instanceof WeakSet || a instanceof WeakRef) return false;
  if (a instanceof Set && b instanceof Set) return sameMembers([...a], [...b], seen);
  if (a instanceof Map && b instanceof Map) return sameMembers([...a], [...b], seen);
  if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
    return same(new Uint8Array(a), new Uint8Array(b), seen);
  }
  if (a instanceof Error && b instanceof Error && a.message !== b.message) return false;
  return sameProperties(a, b, seen);
}

function sameKind(a: object, b: object): boolean {
  const kind = (value: object) => value.constructor === undefined ? Object : value.constructor;
  return kind(a) === kind(b);
}

function sameMembers(a: unknown[], b: unknown[], seen: Map<object, object>): boolean {
  if (a.length !== b.length) return false;
  const rest = [...b];
  return a.every((member) => {
    const at = rest.findIndex((other) => same(member, other, new Map(seen)));
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  });
}

function sameProperties(a: object, b: object, seen: Map<object, object>): boolean {
  if (ArrayBuffer.isView(a) && !(a instanceof DataView)) {
    return sameElements(a as Float64Array, b as Float64Array);
  }
  const keys = Reflect.ownKeys(a).filter((key) => isEnumerable(a, key));
  if (keys.length !== Reflect.ownKeys(b).filter((key) => isEnumerable(b, key)).length) return false;
  return keys.every((key) =>
    isEnumerable(b, key) && same(Reflect.get(a, key), Reflect.get(b, key), seen)
  );
}

function sameElements(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !Object.is(a[i], b[i])) return false;
  }
  return true;
}

function isEnumerable(value: object, key: PropertyKey): boolean {
  return Object.prototype.propertyIsEnumerable.call(value, key);
}
