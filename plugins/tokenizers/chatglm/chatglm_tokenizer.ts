import { DenoiseError, isFile, joinPath } from "@denoise/core";
import {
  type Charsmap,
  charsmapIn,
  defineTokenizer,
  invalidTokenizerFile,
  type PlacedToken,
  type PretrainedTokenizer,
  readSentencePieceFile,
  readTokenizerSettings,
  resolveSpecialTokens,
  type SentencePieceModel,
  type TokenizerClass,
  type TokenizerFiles,
  type TokenizerTokens,
} from "@denoise/tokenizers";
import { chatGLMBackend, PAD, unknownId } from "./_backend.ts";

/** The vocabulary. */
const MODEL = "tokenizer.model";

/** Who speaks in a chat. */
const ROLES = ["<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"];

/** Tokens behind the pieces, in the order of their ids. */
const COMMANDS = ["[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", ...ROLES];

/** What the files say. */
interface ChatGLMFiles extends TokenizerFiles {
  readonly sentencePiece: SentencePieceModel;
  readonly charsmap: Charsmap | undefined;
}

/** A loaded ChatGLMTokenizer. */
export type ChatGLMTokenizer = PretrainedTokenizer;

/**
 * Byte-pair encoding of SentencePiece, with the ids that diffusers' `ChatGLMTokenizer` gives: `[gMASK]` and `sop` stand before
 * each text, and rows are filled up on the left. Tokens of a chat are found in texts where tokenizer_config.json says
 * `encode_special_tokens`.
 *
 * @example
 * ```ts ignore
 * import { ChatGLMTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await ChatGLMTokenizer.fromPretrained("Kwai-Kolors/Kolors-diffusers", {
 *   subfolder: "tokenizer",
 * });
 * const { inputIds } = tokenizer.encode("a red fox");
 * console.log(tokenizer.batchDecode(inputIds)); // [ "[gMASK]sop a red fox" ]
 * ```
 */
export const ChatGLMTokenizer: TokenizerClass<ChatGLMTokenizer> = defineTokenizer({
  className: "ChatGLMTokenizer",
  library: "kolors",
  specialTokens: { pad: PAD },
  around: () => ({ before: ["[gMASK]", "sop"] }),
  fileNames: [MODEL, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"],
  read,
  tokens: tokensOf,
  backend({ sentencePiece, charsmap, config }: ChatGLMFiles, { added }) {
    const commands = commandIds(sentencePiece);
    const found = config["encode_special_tokens"] === true ? ROLES : [];
    return chatGLMBackend({
      model: sentencePiece,
      charsmap,
      commands,
      found: found.map((role) => placed(role, commands.get(role)!)),
    }, added);
  },
});

function commandIds({ pieces }: SentencePieceModel): ReadonlyMap<string, number> {
  return new Map(COMMANDS.map((token, i) => [token, pieces.length + i]));
}

function placed(content: string, id: number): PlacedToken {
  const flags = { lstrip: false, rstrip: false, single_word: false, normalized: false };
  return { content, id, special: false, ...flags };
}

/**
 * The tokens of the files. Rows are always filled up with the piece for unknown text, whatever token is named for it.
 */
function tokensOf(files: ChatGLMFiles): TokenizerTokens {
  const { roles: { pad: _, ...roles }, added } = resolveSpecialTokens(files, {});
  return { roles, added };
}

async function read(folder: string): Promise<ChatGLMFiles> {
  const settings = await readTokenizerSettings(folder);
  const file = joinPath(folder, MODEL);
  if (!await isFile(file)) {
    throw new DenoiseError(
      "missing_file",
      `Cannot load a tokenizer from ${JSON.stringify(folder)}: it has no ${MODEL}`,
    );
  }
  const sentencePiece = await readSentencePieceFile(file, 2);
  check(sentencePiece, file);
  return {
    ...settings,
    config: { padding_side: "left", ...settings.config },
    sentencePiece,
    charsmap: charsmapIn(file, sentencePiece.charsmap),
    vocab: vocabularyOf(sentencePiece),
  };
}

/**
 * Ids by token as diffusers lists them: the pieces for unknown text, beginnings and ends have no name, so that a role given one
 * of theirs gets an id of its own.
 */
function vocabularyOf(model: SentencePieceModel): TokenizerFiles["vocab"] {
  const isNameless = ({ type, text }: SentencePieceModel["pieces"][number]) =>
    type === 2 || (type === 3 && (text === "<s>" || text === "</s>"));
  const pieces = model.pieces.map((piece, id) => [isNameless(piece) ? "" : piece.text, id]);
  return Object.fromEntries([...pieces, ...commandIds(model)]);
}

/** Refuses a model of byte pairs that this tokenizer does not read. */
function check(model: SentencePieceModel, file: string): void {
  if (unknownId(model) === -1) {
    throw invalidTokenizerFile(file, "it has no piece for unknown text (type 2)");
  }
  if (!model.escapeWhitespaces || model.treatWhitespaceAsSuffix) {
    throw invalidTokenizerFile(
      file,
      "escape_whitespaces must be true and treat_whitespace_as_suffix false, but they are " +
        `${model.escapeWhitespaces} and ${model.treatWhitespaceAsSuffix}`,
    );
  }
}
