/**
 * Lists in tests/fixtures/.gitignore which tokenizers and rules there are the same as another, so that
 * only one of each is tracked; tests/support/fixtures.ts makes the others. `deno task goldens` runs it
 * last. What was tracked until then is to be let go: `git rm --cached` with the paths that it prints.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { filesBelow } from "../../tests/support/folder.ts";

const FIXTURES = new URL("../../tests/fixtures/", import.meta.url);
/** What is worth a line: the files of tokenizers, and rules. Configs stay where they are read. */
const SHARED =
  /(^|\/)(tokenizer|vocab|merges|spiece|special_tokens_map|added_tokens|chat_template|sentencepiece)[^/]*$|\.rules$/;
const SMALLEST = 300;
const HEAD =
  `## Each file here is the same as the one that the comment above it names, and is made from that by
## tests/support/fixtures.ts. Written by scripts/goldens/copies.ts.
`;

/** The hash of what a file holds; undefined of what is too small to be shared. */
async function hashOf(path: string): Promise<string | undefined> {
  const bytes = await Deno.readFile(new URL(path, FIXTURES));
  if (bytes.length < SMALLEST) return undefined;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Files that others are copies of lie where models and tokenizers lie by themselves, if there are such. */
function order(path: string): string {
  return /^(tokenizers|models)\//.test(path) ? ` ${path}` : path;
}

/** Writes the list. */
export async function listCopies(): Promise<void> {
  const groups = new Map<string, string[]>();
  const paths = await filesBelow(fileURLToPath(FIXTURES));
  for (const path of paths.filter((path) => SHARED.test(path))) {
    const hash = await hashOf(path);
    if (hash !== undefined) groups.set(hash, [...groups.get(hash) ?? [], path]);
  }
  const lists = [...groups.values()].filter(({ length }) => length > 1)
    .map((paths) => paths.toSorted((a, b) => order(a) < order(b) ? -1 : 1))
    .toSorted(([a], [b]) => a! < b! ? -1 : 1);
  const text = lists.map(([source, ...copies]) =>
    [`# ${source}`, ...copies.map((copy) => `/${copy}`)].join("\n") + "\n"
  );
  await Deno.writeTextFile(new URL(".gitignore", FIXTURES), HEAD + text.join(""));
  const tracked = await new Deno.Command("git", {
    args: ["ls-files", "--", ...lists.flatMap(([, ...copies]) => copies)],
    cwd: FIXTURES,
  }).output();
  console.log(new TextDecoder().decode(tracked.stdout).trimEnd());
}

if (import.meta.main) await listCopies();
