/**
 * The value of an option without a default, which stands as null in the schema.
 *
 * @throws {TypeError} when it was not given.
 */
export function requiredOption<T>(className: string, name: string, value: T | null): T {
  if (value !== null) return value;
  throw new TypeError(`Cannot configure ${className}: ${name} has no default, give a value`);
}
