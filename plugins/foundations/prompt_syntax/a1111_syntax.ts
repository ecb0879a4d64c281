import { type Piece, unreadable } from "./piece.ts";

/** What one bracket multiplies by. */
const MORE = 1.1;

const TOKEN = /\\[\\()[\]]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()[\]:]+|:/g;

/**
 * Reads a prompt as AUTOMATIC1111's web interface does (`parse_prompt_attention`): `(word)` counts 1.1 times,
 * `[word]` 1/1.1 times, `(word:1.3)` 1.3 times, and brackets multiply; a backslash makes a bracket text.
 * `BREAK` ends a part. Departures: `BREAK` ends a part within brackets, too, where the web interface reads
 * it as a word of negative weight.
 *
 * @returns The pieces of each part.
 * @throws {SyntaxError} for prompt editing, alternating words, `AND` and tags, which change what is denoised,
 * and for a weight that is no number.
 */
export function parseA1111(prompt: string): Piece[][] {
  refuseSchedules(prompt);
  const pieces: { text: string; weight: number; isBreak?: true }[] = [];
  const open = { "(": [] as number[], "[": [] as number[] };
  const multiply = (from: number, by: number) => {
    for (const piece of pieces.slice(from)) piece.weight *= by;
  };
  for (const [token, weight] of prompt.matchAll(TOKEN)) {
    if (token.startsWith("\\")) pieces.push({ text: token.slice(1), weight: 1 });
    else if (token === "(" || token === "[") open[token].push(pieces.length);
    else if (weight !== undefined && open["("].length > 0) {
      multiply(open["("].pop()!, weightOf(weight, prompt));
    } else if (token === ")" && open["("].length > 0) multiply(open["("].pop()!, MORE);
    else if (token === "]" && open["["].length > 0) multiply(open["["].pop()!, 1 / MORE);
    else {
      token.split(/\s*\bBREAK\b\s*/).forEach((text, i) => {
        if (i > 0) pieces.push({ text: "", weight: 1, isBreak: true });
        pieces.push({ text, weight: 1 });
      });
    }
  }
  for (const from of open["("]) multiply(from, MORE);
  for (const from of open["["]) multiply(from, 1 / MORE);
  const parts: Piece[][] = [[]];
  for (const { text, weight, isBreak } of pieces) {
    const part = parts.at(-1)!;
    const last = part.at(-1);
    if (isBreak) parts.push([]);
    else if (last?.weight === weight) part[part.length - 1] = { text: last.text + text, weight };
    else part.push({ text, weight });
  }
  return parts;
}

function weightOf(text: string, prompt: string): number {
  const weight = Number(text);
  if (Number.isFinite(weight)) return weight;
  throw unreadable(prompt, `the weight ${JSON.stringify(text)} is no number`);
}

/** Of the web interface's syntax, what makes other words count at other steps. */
function refuseSchedules(prompt: string): void {
  const found = /\bAND\b/.exec(prompt)?.[0] ?? /<(?:lora|lyco|hypernet):[^>]*>/.exec(prompt)?.[0] ??
    scheduleIn(prompt);
  if (found === undefined) return;
  throw unreadable(
    prompt,
    found === "AND"
      ? `"AND" asks for one denoising of each part, which is not there; write "and", or BREAK between parts`
      : found.startsWith("<")
      ? `${found} loads a network, which a prompt cannot do here; call loadLoraWeights`
      : `${found} changes the words from step to step, which is not there; write one of them, or ` +
        `\\[ and \\] for brackets that are text`,
  );
}

/** `[from:to:when]`, `[to:when]` or `[one|other]`. */
function scheduleIn(prompt: string): string | undefined {
  const open: number[] = [];
  for (let at = 0; at < prompt.length; at++) {
    const letter = prompt[at]!;
    if (letter === "\\") at++;
    else if (letter === "[") open.push(at);
    else if (letter === "]" && open.length > 0) {
      const inside = prompt.slice(open.pop()! + 1, at);
      const own = withoutBrackets(inside);
      if (own.includes("|") || /:\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*$/.test(own)) return `[${inside}]`;
    }
  }
  return undefined;
}

/** A text without what stands in brackets in it. */
function withoutBrackets(text: string): string {
  const shorter = text.replace(/\\.|\([^()[\]]*\)|\[[^()[\]]*\]/g, "");
  return shorter === text ? text : withoutBrackets(shorter);
}
