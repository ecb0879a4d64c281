import type { TokenizerBackend } from "./define_tokenizer.ts";

/** What is used of a `Tokenizer` of `@huggingface/tokenizers`. */
export interface LibraryTokenizer {
  /** Ids of a text. */
  encode(text: string, options: { add_special_tokens: false }): { readonly ids: number[] };
  /** The text of ids. */
  decode(ids: number[], options: { clean_up_tokenization_spaces: false }): string;
  /** The id of a token. */
  token_to_id(token: string): number | undefined;
  /** The token of an id. */
  id_to_token(id: number): string | undefined;
  /** Ids by token. */
  get_vocab(withAdded: boolean): { readonly size: number };
}

/**
 * A backend of `@huggingface/tokenizers`.
 *
 * @param prepare What mends a text first; a text that becomes `""` has no ids.
 * @param finish What is made of a decoded text. Defaults to the text as it is.
 */
export function libraryBackend(
  tokenizer: LibraryTokenizer,
  prepare: (text: string) => string,
  finish: (text: string) => string = (text) => text,
): TokenizerBackend {
  return {
    encode(text) {
      const prepared = prepare(text.toWellFormed());
      return prepared === "" ? [] : tokenizer.encode(prepared, { add_special_tokens: false }).ids;
    },
    decode(ids) {
      const known = ids.filter((id) => tokenizer.id_to_token(id) !== undefined);
      if (known.length === 0) return "";
      return finish(tokenizer.decode(known, { clean_up_tokenization_spaces: false }));
    },
    tokenOf: (id) => tokenizer.id_to_token(id),
    idOf: (token) => tokenizer.token_to_id(token),
    size: tokenizer.get_vocab(true).size,
  };
}
