/**
 * Reads texts one after the other, equal ones once.
 *
 * @param read What a text becomes.
 * @returns What texts become, in their order; it remembers those that it has read.
 */
export function oncePerText<T>(
  read: (text: string) => Promise<T>,
): (texts: readonly string[]) => Promise<readonly T[]> {
  const known = new Map<string, T>();
  return async (texts) => {
    for (const text of new Set(texts)) {
      if (!known.has(text)) known.set(text, await read(text));
    }
    return texts.map((text) => known.get(text)!);
  };
}
