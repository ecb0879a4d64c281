/**
 * What tokenizers have in common: their class (`defineTokenizer`), the files of their folders, special and
 * added tokens, and rows of ids that are cut and filled up.
 *
 * @module
 */
export * from "./around.ts";
export * from "./byte_level.ts";
export * from "./byte_pair_files.ts";
export * from "./charsmap.ts";
export * from "./chat_template.ts";
export * from "./define_tokenizer.ts";
export * from "./files.ts";
export * from "./find_tokens.ts";
export * from "./library_backend.ts";
export * from "./piece_backend.ts";
export * from "./rows.ts";
export * from "./sentence_piece.ts";
export * from "./sentence_piece_file.ts";
export * from "./special_tokens.ts";
export * from "./unigram_backend.ts";
export * from "./unigram_files.ts";
