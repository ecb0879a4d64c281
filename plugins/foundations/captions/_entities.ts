import { decodeHTML } from "entities";

/** The text of a named reference; undefined for a name that HTML does not have. */
export function namedEntity(name: string): string | undefined {
  const text = decodeHTML(`&${name};`);
  return text.endsWith(";") && name !== "semi" ? undefined : text;
}

/** Characters that `html.unescape` of Python leaves out where they are given by number. */
function isInvalid(code: number): boolean {
  return (code >= 1 && code <= 8) || code === 0xb || (code >= 0xe && code <= 0x1f) ||
    code === 0x7f || (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
}

/** `html.unescape` of Python: references of all names, those without a semicolon too. */
export function unescapeHtml(text: string): string {
  return text.replace(
    /&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/g,
    (whole, name: string) => {
      const decoded = decodeHTML(whole);
      return name.startsWith("#") && isInvalid(decoded.codePointAt(0)!) ? "" : decoded;
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
