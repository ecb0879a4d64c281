/**
 * What every class of tokenizers is tested by.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { DenoiseError, Registry, type Tensor } from "@denoise/core";
import type { PretrainedTokenizer, TokenizerClass } from "@denoise/tokenizers";
import { writeTree } from "./files.ts";

/** What transformers makes of some texts, by the makers of goldens in scripts/reference. */
export interface TokenizerGoldens {
  /** The texts. */
  readonly texts: readonly string[];
  /** What tokenizers give for them, by name. */
  readonly tokenizers: Readonly<Record<string, TokenizerAnswers>>;
}

/** What one tokenizer gives. */
export interface TokenizerAnswers {
  /** How many tokens it has. */
  readonly size: number;
  /** Ids of each text, and of the first texts without special tokens. */
  readonly ids: readonly (readonly number[])[];
  readonly plain?: readonly (readonly number[])[];
  /** The first texts in rows of `maxLength` tokens. */
  readonly padded: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  /** The ids as texts, with and without special tokens. */
  readonly decoded: readonly string[];
  readonly skipped: readonly string[];
  /** Rows of ids that no text gives, and their texts. */
  readonly rows: readonly (readonly number[])[];
  readonly decodedRows: readonly string[];
}

/** Rows of ids as numbers. */
export function rowsOf(tensor: Tensor): number[][] {
  return tensor.toNested() as number[][];
}

/** Runs a test on a folder of these files. */
export async function withFolder(
  files: Record<string, string | Uint8Array>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  await using folder = await writeTree(files);
  await test(folder.path);
}

/** Compares a class with transformers, and tries it in a registry. */
export function testTokenizer<T extends PretrainedTokenizer>(
  Class: TokenizerClass<T>,
  { texts, tokenizers }: TokenizerGoldens,
  folderOf: (name: string) => URL,
  maxLength?: number,
): void {
  for (const [name, expected] of Object.entries(tokenizers)) {
    describe(`${Class.className} on ${name}`, () => {
      const load = () => Class.fromPretrained(folderOf(name));

      it("gives the ids of transformers", async () => {
        const tokenizer = await load();
        assertEquals(tokenizer.size, expected.size);
        for (const [i, text] of texts.entries()) {
          const [row = []] = rowsOf(tokenizer.encode(text).inputIds);
          assertEquals(row, expected.ids[i], `${i}: ${JSON.stringify(text)}`);
        }
        for (const [i, ids] of (expected.plain ?? []).entries()) {
          const { inputIds } = tokenizer.encode(texts[i]!, { addSpecialTokens: false });
          assertEquals(rowsOf(inputIds)[0], ids);
        }
      });

      it("pads and truncates as transformers", async () => {
        const tokenizer = await load();
        const { inputIds, attentionMask } = tokenizer.encode(
          texts.slice(0, expected.padded.length),
          { padding: "max_length", truncation: true, maxLength },
        );
        assertEquals(rowsOf(inputIds), expected.padded);
        assertEquals(rowsOf(attentionMask), expected.mask);
      });

      it("decodes as transformers", async () => {
        const tokenizer = await load();
        assertEquals(expected.ids.map((row) => tokenizer.decode(row)), expected.decoded);
        const skipSpecialTokens = true;
        const skipped = expected.ids.map((row) => tokenizer.decode(row, { skipSpecialTokens }));
        assertEquals(skipped, expected.skipped);
        assertEquals(expected.rows.map((row) => tokenizer.decode(row)), expected.decodedRows);
      });

      it("writes a folder that gives the same ids, with and without added tokens", async () => {
        const tokenizer = await load();
        for (const one of [tokenizer, tokenizer.withTokens(["<cat-toy>", "new"])]) {
          await withFolder({}, async (folder) => {
            await one.savePretrained(folder);
            const again = await Class.fromPretrained(folder);
            assertEquals([again.modelMaxLength, again.size], [one.modelMaxLength, one.size]);
            for (const text of [...texts, "a <cat-toy> is new"]) {
              assertEquals(rowsOf(again.encode(text).inputIds), rowsOf(one.encode(text).inputIds));
            }
          });
        }
      });
    });
  }

  it(`${Class.className} is a plugin class that a registry takes`, async () => {
    const registry = new Registry({ plugins: [Class] });
    assertEquals(await registry.get(Class.aliases?.[0] ?? Class.className, "tokenizer"), Class);
    const bound = Class.using(registry);
    assertEquals(bound.className, Class.className);
    const error = await assertRejects(() => bound.fromPretrained("nobody/nothing"), DenoiseError);
    assertEquals(error.code, "missing_file");
  });
}
