import { decodeHTML } from "entities";
import { namedEntity } from "./_entities.ts";
import { SPACE } from "./_python.ts";

/** Elements whose text is none of the page's. */
const ASIDE = new Set(["script", "style", "template", "rt", "rp"]);
const VOID = new Set(
  ("area base br col embed hr img input keygen link menuitem meta param source track wbr basefont bgsound command frame " +
    "image isindex nextid spacer").split(" "),
);

const S = `[${SPACE}]`;
const sticky = (source: string) => new RegExp(source, "yu");
const NAME = "[^\\t\\n\\r\\f \\/>\\x00]*";
const START_TAG = sticky(
  `<[a-zA-Z]${NAME}(?:[${SPACE}/]*(?:(?<=['"${SPACE}/])[^${SPACE}/>][^${SPACE}/=>]*` +
    `(?:${S}*=+${S}*(?:'[^']*'|"[^"]*"|(?!['"])[^>${SPACE}]*)${S}*)?(?:${S}|/(?!>))*)*)?${S}*`,
);
const TAG_NAME = sticky(`([a-zA-Z]${NAME})(?:${S}|/(?!>))*`);
const ATTRIBUTE = sticky(
  `((?<=['"${SPACE}/])[^${SPACE}/>][^${SPACE}/=>]*)(${S}*=+${S}*('[^']*'|"[^"]*"|(?!['"])[^>${SPACE}]*))?` +
    `(?:${S}|/(?!>))*`,
);
const END_TAG = sticky(`</${S}*([a-zA-Z][-.a-zA-Z0-9:_]*)${S}*>`);
const NUMBER = sticky("&#(?:[0-9]+|[xX][0-9a-fA-F]+)[^0-9a-fA-F]");
const ENTITY = sticky("&([a-zA-Z][-.a-zA-Z0-9]*)[^a-zA-Z0-9]");

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * The text of a page, as BeautifulSoup has it of Python's own parser (`BeautifulSoup(text, "html.parser").text`), which
 * takes anything for a page; of white space between tags one space may be another.
 */
export function htmlText(page: string): string {
  return new Reader(page).read();
}

/** The parser of Python 3.11, `html/parser.py`; places are those of the page's characters. */
class Reader {
  readonly #page: string;
  readonly #open: string[] = [];
  #text = "";
  #at = 0;
  /** The element whose content is no markup. */
  #raw: string | undefined;

  constructor(page: string) {
    this.#page = page;
  }

  read(): string {
    this.#goAhead(false);
    this.#goAhead(true);
    return this.#text;
  }

  #take(text: string): void {
    if (!this.#open.some((name) => ASIDE.has(name))) this.#text += text;
  }

  #goAhead(isEnd: boolean): void {
    const page = this.#page;
    while (this.#at < page.length) {
      const next = this.#nextMarkup();
      if (next === undefined) break;
      this.#take(page.slice(this.#at, next));
      this.#at = next;
      if (next === page.length) return;
      if (!(page[next] === "<" ? this.#markup(isEnd) : this.#reference(isEnd))) break;
    }
    if (isEnd && this.#at < page.length && this.#raw === undefined) {
      this.#take(page.slice(this.#at));
      this.#at = page.length;
    }
  }

  #nextMarkup(): number | undefined {
    const pattern = this.#raw === undefined
      ? /[&<]/g
      : new RegExp(`</${S}*${this.#raw}${S}*>`, "giu");
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#page)?.index;
    return found ?? (this.#raw === undefined ? this.#page.length : undefined);
  }

  /** Reads what begins with `<`; false where it has no end yet. */
  #markup(isEnd: boolean): boolean {
    const [page, at] = [this.#page, this.#at];
    let end: number;
    if (/^<[a-zA-Z]/.test(page.slice(at, at + 2))) end = this.#startTag();
    else if (page.startsWith("</", at)) end = this.#endTag();
    else if (page.startsWith("<!--", at)) end = this.#past(/--\s*>/g, at + 4);
    else if (page.startsWith("<?", at)) end = this.#past(/>/g, at + 2);
    else if (page.startsWith("<!", at)) end = this.#declaration();
    else if (at + 1 < page.length) {
      this.#take("<");
      end = at + 1;
    } else return false;
    if (end < 0) {
      if (!isEnd) return false;
      const close = page.indexOf(">", at + 1);
      const open = page.indexOf("<", at + 1);
      end = close >= 0 ? close + 1 : open >= 0 ? open : at + 1;
      this.#take(page.slice(at, end));
    }
    this.#at = end;
    return true;
  }

  #past(pattern: RegExp, from: number): number {
    pattern.lastIndex = from;
    return pattern.exec(this.#page) === null ? -1 : pattern.lastIndex;
  }

  #declaration(): number {
    const [page, at] = [this.#page, this.#at];
    const section = /^<!\[([a-z]+)/i.exec(page.slice(at))?.[1]?.toLowerCase();
    if (section === undefined) return this.#past(/>/g, at + 2);
    const isOffice = ["if", "else", "endif"].includes(section);
    const end = this.#past(isOffice ? /\]\s*>/g : /\]\s*\]\s*>/g, at + 3);
    if (end >= 0 && section === "cdata") {
      this.#take(page.slice(at + 9, end).replace(/\]\s*\]\s*>$/, ""));
    }
    return end;
  }

  #startTag(): number {
    const [page, at] = [this.#page, this.#at];
    let end = at + matchAt(START_TAG, page, at)![0].length;
    const after = page[end] ?? "";
    if (after === ">") end += 1;
    else if (after === "/") {
      if (page[end + 1] !== ">") return -1;
      end += 2;
    } else if (after === "" || /[a-zA-Z=]/.test(after)) return -1;
    const named = matchAt(TAG_NAME, page, at + 1)!;
    let place = at + 1 + named[0].length;
    while (place < end) {
      const attribute = matchAt(ATTRIBUTE, page, place);
      if (attribute === null || attribute[0] === "") break;
      place += attribute[0].length;
    }
    const close = page.slice(place, end).trim();
    const name = named[1]!.toLowerCase();
    if (close !== ">" && close !== "/>") this.#take(page.slice(at, end));
    else if (close === ">") {
      if (!VOID.has(name)) this.#open.push(name);
      if (name === "script" || name === "style") this.#raw = name;
    }
    return end;
  }

  #endTag(): number {
    const [page, at] = [this.#page, this.#at];
    const close = page.indexOf(">", at + 1);
    if (close < 0) return -1;
    const match = matchAt(END_TAG, page, at);
    if (match === null) {
      const named = matchAt(TAG_NAME, page, at + 2);
      if (named === null) return close + 1; // a comment of a kind
      this.#closed(named[1]!.toLowerCase());
      return page.indexOf(">", at + 2 + named[0].length) + 1;
    }
    this.#closed(match[1]!.toLowerCase());
    this.#raw = undefined;
    return close + 1;
  }

  #closed(name: string): void {
    const place = this.#open.lastIndexOf(name);
    if (place >= 0) this.#open.length = place;
  }

  /** Reads what begins with `&`; false where nothing more is read as markup for now. */
  #reference(isEnd: boolean): boolean {
    const [page, at] = [this.#page, this.#at];
    const isNumber = page.startsWith("&#", at);
    const match = matchAt(isNumber ? NUMBER : ENTITY, page, at);
    if (match !== null) {
      const last = match[0].at(-1)!;
      const name = match[0].slice(isNumber ? 2 : 1, -last.length);
      this.#take(isNumber ? decodeHTML(`&#${name};`) : namedEntity(name) ?? `&${name}`);
      this.#at += match[0].length - (last === ";" ? 0 : last.length);
      return true;
    }
    if (isNumber) {
      if (page.includes(";", at)) {
        this.#take("&#");
        this.#at += 2;
      }
      return false;
    }
    const isIncomplete = /^&[a-zA-Z#]/.test(page.slice(at, at + 2));
    if (isIncomplete) {
      if (isEnd && page.length === at + 2) this.#at += 1; // as in Python, which loses the sign then
      return false;
    }
    if (at + 1 >= page.length) return false;
    this.#take("&");
    this.#at += 1;
    return true;
  }
}
