import { type CallOptions, DenoiseError, Tensor } from "@denoise/core";
import { encodeA1111 } from "./a1111.ts";
import { encodeCompel, padTo } from "./compel.ts";
import type { SyntaxEncoder, TextStates } from "./text_states.ts";
import { layoutOf, rowTensor } from "./tokens.ts";

/**
 * How a prompt says that words count more or less: `"compel"` as the library compel 2 reads it, `"a1111"` as
 * AUTOMATIC1111's web interface does.
 */
export type PromptSyntax = "compel" | "a1111";

/** Options of calls whose prompts may weigh their words. */
export interface PromptSyntaxOptions {
  /**
   * In which syntax prompts weigh their words, `"compel"` (`word++`, `(some words)1.3`, `.blend()`, `.and()`) or `"a1111"`
   * (`(word:1.3)`, `[word]`, `BREAK`); either reads prompts of any length. By default a prompt is read as it stands, and
   * cut where the text encoder ends.
   */
  readonly promptSyntax?: PromptSyntax | undefined;
}

/** The declarations of {@linkcode PromptSyntaxOptions}. */
export const promptSyntaxOptions: CallOptions<PromptSyntaxOptions> = {
  promptSyntax: { type: "string", choices: ["compel", "a1111"] },
};

/**
 * Texts to states, read in a syntax by each of several text encoders, whose states stand side by side. Rows are as
 * long as the longest of them, with states of no words behind the shorter ones.
 *
 * @param texts For each encoder the texts, as many for all.
 * @param tokens Tokens of a row at least, as other states have them.
 * @returns float32 [texts, tokens, widths together]; pooled of the first encoder that gives it.
 * @throws {SyntaxError} for a prompt that the syntax does not allow.
 * @throws {DenoiseError} `unsupported_option` for a tokenizer whose rows are not as CLIP's.
 *
 * @example
 * ```ts
 * import { CLIPTokenizer } from "@denoise/tokenizer-clip";
 * import { Tensor } from "@denoise/core";
 * import { encodeInSyntax } from "@denoise/prompt-syntax";
 * import { assertEquals } from "@std/assert";
 *
 * const vocab = { "a</w>": 0, ",</w>": 3, "<|startoftext|>": 1, "<|endoftext|>": 2 };
 * const tokenizer = CLIPTokenizer.fromVocabulary(vocab, []);
 * const states = (ids: Tensor) => Promise.resolve({ embeds: ids.astype("float32").unsqueeze(2) });
 * const { embeds } = await encodeInSyntax("a1111", [{ tokenizer, states }], [["a BREAK a"]]);
 * assertEquals(embeds.dims, [1, 2 * 77, 1]);
 * ```
 */
export async function encodeInSyntax(
  syntax: PromptSyntax,
  encoders: readonly SyntaxEncoder[],
  texts: readonly (readonly string[])[],
  tokens = 0,
): Promise<TextStates> {
  const empties = encoders.map((encoder) => emptyOf(encoder));
  const encode = syntax === "a1111" ? encodeA1111 : encodeCompel;
  const all = await Promise.all(encoders.map(async (encoder, i) => {
    const unique = new Map<string, TextStates>();
    for (const text of new Set(texts[i]!)) {
      unique.set(text, await encode(encoder, text, empties[i]!));
    }
    return texts[i]!.map((text) => unique.get(text)!);
  }));
  const longest = Math.max(tokens, ...all.flat().map(({ embeds }) => embeds.dims[1]!));
  checkLengths(encoders, longest);
  const sides = await Promise.all(
    all.map(async (rows, i) =>
      Tensor.cat(await Promise.all(rows.map(({ embeds }) => padTo(empties[i]!, embeds, longest))))
    ),
  );
  const pooling = all.find(([first]) => first?.pooled !== undefined);
  return {
    embeds: Tensor.cat(sides, 2),
    pooled: pooling && Tensor.cat(pooling.map(({ pooled }) => pooled!)),
  };
}

/** States of no words, made once, when they are needed. */
function emptyOf({ tokenizer, states }: SyntaxEncoder): () => Promise<Tensor> {
  let empty: Promise<Tensor> | undefined;
  return () => {
    const { ids } = layoutOf(tokenizer).row({ ids: [], weights: [] });
    return empty ??= states(rowTensor([ids])).then(({ embeds }) => embeds);
  };
}

function checkLengths(encoders: readonly SyntaxEncoder[], tokens: number): void {
  const odd = encoders.find(({ tokenizer }) => tokens % tokenizer.modelMaxLength !== 0);
  if (odd === undefined) return;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot bring prompts to ${tokens} tokens: they must be whole rows of ${odd.tokenizer.modelMaxLength}`,
  );
}
