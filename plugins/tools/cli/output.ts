import { lstat, mkdir, open, rm } from "node:fs/promises";
import process from "node:process";
import { type Audio, DenoiseError, type Image } from "@denoise/core";

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

/** For `--out`: standard output instead of a file. */
export const STANDARD_OUTPUT = "-";

/** Where and how results are written. */
export interface OutputOptions {
  /** `--out`: a file, a pattern with `%d` or `%03d` for the number, or `-`. */
  readonly out?: string | undefined;
  /** How many results there are. */
  readonly count: number;
  /** Whether files that are there may be written over. */
  readonly force?: boolean | undefined;
}

function refuse(path: string, why: string, cause?: unknown): never {
  const problem = `Cannot write ${JSON.stringify(path)}: ${why}`;
  throw new DenoiseError("unsupported_option", problem, cause === undefined ? {} : { cause });
}

/**
 * Checks `--out` before a model is loaded: its ending, and that the files can be written there. A
 * folder that is not there is made.
 *
 * @throws {DenoiseError} `unsupported_option` when they cannot.
 */
export async function checkOut(options: OutputOptions): Promise<void> {
  const { out, count } = options;
  if (out === undefined) return;
  if (out === STANDARD_OUTPUT) {
    if (count > 1) refuse(out, `standard output takes one result, not ${count}; leave out --count`);
    if (process.stdout.isTTY) {
      refuse(
        out,
        "standard output is a terminal; send it on, as in `denoise generate ... > x.png`",
      );
    }
    return;
  }
  const { images, audio } = KINDS;
  if (!images.pattern.test(out) && !audio.pattern.test(out)) {
    refuse(out, `its name must end in ${images.known}, for audio in ${audio.known}`);
  }
  await checkWritable(await freePaths(out, options));
}

/**
 * Where the results of a run are written, known to be writable before it begins: `out`, or a name made
 * from the prompt, with a number where there are several or the file is there already.
 *
 * @throws {DenoiseError} `unsupported_option` when they cannot be written there.
 */
export async function outputPaths(
  prompt: string,
  options: OutputOptions,
  made: Made,
): Promise<readonly string[]> {
  const { name, extension, pattern, known } = KINDS[made];
  const { out } = options;
  if (out === STANDARD_OUTPUT) return [out];
  const words = prompt.toLowerCase().normalize("NFKD").replace(/[^\p{L}\p{N}]+/gu, "-");
  const slug = words.replace(/^-+|-+$/g, "").slice(0, 60) || name;
  const path = out ?? `${slug}${extension}`;
  if (!pattern.test(path)) refuse(path, `its name must end in ${known}`);
  const paths = await freePaths(path, options);
  await checkWritable(paths);
  return paths;
}

const NUMBER = /%(0?)(\d*)d/;

/** The names of a pattern from a number on. */
function numbered(pattern: string, from: number, count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) =>
      pattern.replace(
        NUMBER,
        (_, zero, width) => String(from + i).padStart(Number(width), zero === "" ? " " : "0"),
      ),
  );
}

/** The first names that no file has; with `force` the first names. */
async function freePaths(path: string, { count, force }: OutputOptions): Promise<string[]> {
  const hasNumber = NUMBER.test(path);
  if (!hasNumber && count === 1 && (force || !await exists(path))) return [path];
  const pattern = hasNumber ? path : path.replace(/(\.\w+)$/, "-%d$1");
  let from = hasNumber || count > 1 ? 1 : 2; // apple.png, apple-2.png
  for (;;) {
    const paths = numbered(pattern, from, count);
    const taken = force ? [] : await Promise.all(paths.map(exists));
    const last = taken.lastIndexOf(true);
    if (last < 0) return paths;
    from += last + 1;
  }
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then((found) => !found.isDirectory(), () => false);
}

/** Opens each file to write, and leaves it as it was. */
async function checkWritable(paths: readonly string[]): Promise<void> {
  const folder = paths[0]!.replace(/[^/\\]*$/, "");
  try {
    if (folder !== "") await mkdir(folder, { recursive: true });
    for (const path of paths) {
      const isNew = await lstat(path).then(() => false, () => true);
      await (await open(path, "a")).close();
      if (isNew) await rm(path);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    refuse(paths[0]!, `${reason}; give another --out`, cause);
  }
}

/** Writes a result into its file, or to standard output: an image as PNG, audio as WAV. */
export async function writeResult(path: string, one: Image | Audio): Promise<void> {
  if (path !== STANDARD_OUTPUT) {
    const isNew = await lstat(path).then(() => false, () => true);
    return await one.save(path).catch(async (cause) => {
      if (isNew) await rm(path, { force: true });
      const reason = cause instanceof Error ? cause.message : String(cause);
      refuse(path, `${reason}; its seed was ${one.recipe?.seed}, give another --out`, cause);
    });
  }
  const bytes = await one.encode();
  await new Promise<void>((resolve, reject) =>
    process.stdout.write(bytes, (error) => error ? reject(error) : resolve())
  );
}
