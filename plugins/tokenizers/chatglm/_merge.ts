import type { Piece, SentencePieceModel } from "@denoise/tokenizers";
import type { FindAt } from "./_normalize.ts";
import { PairQueue } from "./_queue.ts";

/** A part of a text between two others. */
interface Part {
  text: string;
  readonly isFixed: boolean;
  previous: number;
  next: number;
}

/** Pieces that may come of a merge: normal, defined by a user, and unused ones, which are taken apart again. */
function mergedPieces(pieces: readonly Piece[]): Map<string, Piece> {
  return new Map(
    pieces.filter(({ type }) => [1, 4, 5].includes(type)).map((piece) => [piece.text, piece]),
  );
}

/**
 * The pieces of a normalized text by byte-pair encoding as SentencePiece has it (`Model` in bpe_model.cc): of all
 * neighbours those that make the piece of the highest score are merged, of equal ones the first.
 */
export function merger(
  { pieces }: Pick<SentencePieceModel, "pieces">,
  fixedAt: FindAt,
): (text: string) => string[] {
  const byText = mergedPieces(pieces);
  return (text) => {
    const parts = charactersOf(text, fixedAt);
    const madeOf = new Map<string, readonly [string, string]>();
    const queue = new PairQueue();
    const offer = (left: number, right: number) => {
      const [a, b] = [parts[left], parts[right]];
      if (a === undefined || b === undefined || a.isFixed || b.isFixed) return;
      const whole = a.text + b.text;
      const piece = byText.get(whole);
      if (piece === undefined) return;
      queue.add({ left, right, score: piece.score, length: whole.length });
      if (piece.type === 5) madeOf.set(whole, [a.text, b.text]);
    };
    for (let i = 1; i < parts.length; i++) offer(i - 1, i);
    for (let best = queue.take(); best !== undefined; best = queue.take()) {
      const [a, b] = [parts[best.left]!, parts[best.right]!];
      if (a.text === "" || b.text === "" || a.text.length + b.text.length !== best.length) continue;
      a.text += b.text;
      b.text = "";
      a.next = b.next;
      if (b.next !== -1) parts[b.next]!.previous = best.left;
      offer(a.previous, best.left);
      offer(best.left, a.next);
    }
    const unmerge = (piece: string): string[] => {
      const isUnused = byText.get(piece)?.type === 5;
      return isUnused ? madeOf.get(piece)?.flatMap(unmerge) ?? [piece] : [piece];
    };
    return parts.filter((part) => part.text !== "").flatMap((part) => unmerge(part.text));
  };
}

/** The characters of a text, and what a user has defined as a whole. */
function charactersOf(text: string, fixedAt: FindAt): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < text.length;) {
    const fixed = fixedAt(text, at);
    const own = fixed || String.fromCodePoint(text.codePointAt(at)!);
    at += own.length;
    const next = at < text.length ? parts.length + 1 : -1;
    parts.push({ text: own, isFixed: fixed !== "", previous: parts.length - 1, next });
  }
  return parts;
}
