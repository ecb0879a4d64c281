import { decodeHTML } from "entities";

/** What HTML reads numbers of controls as: those of Windows-1252. */
const CONTROLS = new TextDecoder("windows-1252");

/** What stands for these two is no character of that table. */
function control(code: number): string {
  return CONTROLS.decode(Uint8Array.of(code));
}

/** The character of a numeric reference; U+FFFD where there is none. */
export function characterOf(code: number): string {
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return "\ufffd";
  return code >= 0x80 && code <= 0x9f ? control(code) : String.fromCodePoint(code);
}

/** The text of a named reference; undefined for a name that HTML does not have. */
export function namedEntity(name: string): string | undefined {
  const text = decodeHTML(`&${name};`);
  return text.endsWith(";") && name !== "semi" ? undefined : text;
}

/** Codes that `html.unescape` of Python leaves out. */
function isInvalid(code: number): boolean {
  return (code >= 1 && code <= 8) || code === 0xb || (code >= 0xe && code <= 0x1f) ||
    (code >= 0x7f && code <= 0x9f) || (code >= 0xfdd0 && code <= 0xfdef) ||
    (code & 0xfffe) === 0xfffe;
}

/** `html.unescape` of Python: references of all names, those without a semicolon too. */
export function unescapeHtml(text: string): string {
  return text.replace(
    /&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/g,
    (whole, name: string) => {
      if (!name.startsWith("#")) return decodeHTML(whole);
      const digits = name.slice(1).replace(/;$/, "");
      const code = /^x/i.test(digits) ? parseInt(digits.slice(1), 16) : parseInt(digits, 10);
      if (code >= 0x80 && code <= 0x9f) return control(code);
      if (code === 0xd) return "\r";
      const found = characterOf(code);
      return found !== "\ufffd" && isInvalid(code) ? "" : found;
    },
  );
}

/** `unescape_html` of ftfy: references that end in a semicolon. */
export function unescapeClear(text: string): string {
  return text.replace(/&#?[0-9A-Za-z]{1,24};/g, (whole) => {
    if (whole.startsWith("&#")) {
      const decoded = unescapeHtml(whole);
      return decoded.includes(";") ? whole : decoded;
    }
    return namedEntity(whole.slice(1, -1)) ?? whole;
  });
}
