/** Throws with the message unless the condition holds. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** A class of errors, such as `RangeError`. */
// deno-lint-ignore no-explicit-any
export type ErrorClass = abstract new (...args: any[]) => Error;

/** Runs what must throw an error of that class whose message contains `text`. */
export async function checkThrows(
  fn: () => unknown,
  errorClass: ErrorClass,
  text: string,
): Promise<void> {
  let thrown: unknown;
  try {
    await fn();
  } catch (error) {
    thrown = error;
  }
  check(
    thrown !== undefined,
    `Expected a ${errorClass.name} about ${text}, but nothing was thrown`,
  );
  check(
    thrown instanceof errorClass && thrown.message.includes(text),
    `Expected a ${errorClass.name} about ${text}, but got ${thrown}`,
  );
}
