/** A file of JSON, a line for each entry, complete at any moment. */
export interface Lines<T> extends Disposable {
  write(entry: T): void;
}

/** Opens a new file of lines. */
export function lines<T>(path: string): Lines<T> {
  const file = Deno.openSync(path, { write: true, create: true, truncate: true });
  return {
    write: (entry) => void file.writeSync(new TextEncoder().encode(JSON.stringify(entry) + "\n")),
    [Symbol.dispose]: () => file.close(),
  };
}

/** The whole lines of a file; none where there is no file. */
export async function readLines<T>(path: string): Promise<T[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}
