import { DenoiseError } from "@denoise/core";

/** What a run makes, as files. */
interface FileKind {
  /** The file's name without a prompt. */
  readonly name: string;
  /** The extension of files whose name is not given. */
  readonly extension: string;
  readonly pattern: RegExp;
  /** The extensions that the pattern takes, for the message. */
  readonly known: string;
}

const KINDS = {
  images: {
    name: "image",
    extension: ".png",
    pattern: /\.(png|jpe?g|webp)$/i,
    known: ".png, .jpg, .jpeg or .webp",
  },
  audio: { name: "audio", extension: ".wav", pattern: /\.wav$/i, known: ".wav" },
} satisfies Record<string, FileKind>;

/** What a run makes. */
export type Made = keyof typeof KINDS;

function refuseName(path: string, known: string): never {
  throw new DenoiseError(
    "unsupported_option",
    `Cannot write ${JSON.stringify(path)}: its name must end in ${known}`,
  );
}

/**
 * Checks `--out` before a model is loaded: its ending, and that the files can be written there. A
 * folder that is not there is made.
 *
 * @throws {DenoiseError} `unsupported_option` when they cannot.
 */
export async function checkOut(out: string | undefined, count: number): Promise<void> {
  if (out === undefined) return;
  const { images, audio } = KINDS;
  if (!images.pattern.test(out) && !audio.pattern.test(out)) {
    refuseName(out, `${images.known}, for audio in ${audio.known}`);
  }
  await checkWritable(numbered(out, count));
}

/**
 * Where the results of a run are written, known to be writable before it begins: `out`, or a name made
 * from the prompt; with a number where there are several.
 *
 * @throws {DenoiseError} `unsupported_option` when they cannot be written there.
 */
export async function outputPaths(
  prompt: string,
  out: string | undefined,
  count: number,
  made: Made,
): Promise<readonly string[]> {
  const { name, extension, pattern, known } = KINDS[made];
  const words = prompt.toLowerCase().normalize("NFKD").replace(/[^\p{L}\p{N}]+/gu, "-");
  const slug = words.replace(/^-+|-+$/g, "").slice(0, 60) || name;
  const path = out ?? `${slug}${extension}`;
  if (!pattern.test(path)) refuseName(path, known);
  const paths = numbered(path, count);
  await checkWritable(paths);
  return paths;
}

function numbered(path: string, count: number): string[] {
  if (count === 1) return [path];
  return Array.from({ length: count }, (_, i) => path.replace(/(\.\w+)$/, `-${i + 1}$1`));
}

/** Opens each file to write, and leaves it as it was. */
async function checkWritable(paths: readonly string[]): Promise<void> {
  const folder = paths[0]!.replace(/[^/\\]*$/, "");
  try {
    if (folder !== "") await Deno.mkdir(folder, { recursive: true });
    for (const path of paths) {
      const isNew = await Deno.lstat(path).then(() => false, () => true);
      (await Deno.open(path, { write: true, create: true })).close();
      if (isNew) await Deno.remove(path);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DenoiseError(
      "unsupported_option",
      `Cannot write ${JSON.stringify(paths[0])}: ${reason}; give another --out`,
      { cause },
    );
  }
}
