import { unescapeHtml } from "./_entities.ts";
import { htmlText } from "./_html_text.ts";
import { mended } from "./_mended.ts";
import { python, strip } from "./_python.ts";

type Rule = readonly [source: string, by: string];

const ADDRESS = (scheme: string) =>
  `\\b((?:${scheme}:(?:\\/{1,3}|[a-zA-Z0-9%])|[a-zA-Z0-9.\\-]+[.](?:com|co|ru|net|org|edu|gov|it)[\\w\\/\\-]*\\b\\/?(?!@)))`;
const FILES = "(?:png|jpg|jpeg|bmp|webp|eps|pdf|apk|mp4)";

/** Before markup is taken away. */
const ADDRESSES: readonly Rule[] = [
  ["<person>", "person"],
  [ADDRESS("https?"), ""],
  [ADDRESS("www"), ""],
];

/** Names, signs, numbers and files. */
const SIGNS: readonly Rule[] = [
  ["@[\\w\\d]+\\b", ""],
  ["[\\u31c0-\\u31ef]+", ""],
  ["[\\u31f0-\\u31ff]+", ""],
  ["[\\u3200-\\u32ff]+", ""],
  ["[\\u3300-\\u33ff]+", ""],
  ["[\\u3400-\\u4dbf]+", ""],
  ["[\\u4dc0-\\u4dff]+", ""],
  ["[\\u4e00-\\u9fff]+", ""],
  [
    "[\\u002D\\u058A\\u05BE\\u1400\\u1806\\u2010-\\u2015\\u2E17\\u2E1A\\u2E3A\\u2E3B\\u2E40\\u301C\\u3030\\u30A0\\uFE31\\uFE32" +
    "\\uFE58\\uFE63\\uFF0D]+",
    "-",
  ],
  ["[`\u00b4\u00ab\u00bb\u201c\u201d\u00a8]", '"'],
  ["[\u2018\u2019]", "'"],
  ["&quot;?", ""],
  ["&amp", ""],
  ["\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}", " "],
  ["\\d:\\d\\d\\s+$", ""],
  ["\\\\n", " "],
  ["#\\d{1,3}\\b", ""],
  ["#\\d{5,}\\b", ""],
  ["\\b\\d{6,}\\b", ""],
  [`\\S+\\.${FILES}`, ""],
  ["[\"']{2,}", '"'],
  ["[.]{2,}", " "],
  ["[#®•©™&@·º½¾¿¡§~)(\\]\\[}{|\\\\\\/*]{1,}", " "],
  ["\\s+\\.\\s+", " "],
];

/** Shops, sizes and what is left between words. */
const WORDS: readonly Rule[] = [
  ["\\b[a-zA-Z]{1,3}\\d{3,15}\\b", ""],
  ["\\b[a-zA-Z]+\\d+[a-zA-Z]+\\b", ""],
  ["\\b\\d+[a-zA-Z]+\\d+\\b", ""],
  ["(worldwide\\s+)?(free\\s+)?shipping", ""],
  ["(free\\s)?download(\\sfree)?", ""],
  ["\\bclick\\b\\s(?:for|on)\\s[\\w]+", ""],
  [`\\b${FILES}(\\simage[s]?)?`, ""],
  ["\\bpage\\s+\\d+\\b", ""],
  ["\\b\\d*[a-zA-Z]+\\d+[a-zA-Z]+\\d+[a-zA-Z\\d]*\\b", " "],
  ["\\b\\d+\\.?\\d*[x\u0445\u00d7]\\d+\\.?\\d*\\b", ""],
  ["\\b\\s+:\\s+", ": "],
  ["(\\D[,./])\\b", "$1 "],
  ["\\s+", " "],
  ["^[\"']([^]+)[\"']$", "$1"],
  ["^['_,\\-:;]", ""],
  ["['_,\\-:\\-+]$", ""],
  ["^\\.\\S+$", ""],
];

/** What Python calls `$`: before a last line break, too. */
const END = "(?=\\n?(?![^]))";

function replacing(rules: readonly Rule[]): (text: string) => string {
  let read: (readonly [RegExp, string])[] | undefined; // made for the first text: most runs clean none
  return (text) => {
    read ??= rules.map(([source, by]) => [python(source.replace(/(?<!\\)\$$/, END)), by]);
    return read.reduce((text, [pattern, by]) => text.replace(pattern, by), text);
  };
}

const withoutAddresses = replacing(ADDRESSES);
const withoutSigns = replacing(SIGNS);
const withoutWords = replacing(WORDS);

/** `urllib.parse.unquote_plus` of Python. */
function unquotePlus(text: string): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return text.replaceAll("+", " ").replace(
    /(?:%[0-9a-fA-F]{2})+/g,
    (run) => decoder.decode(Uint8Array.from(run.slice(1).split("%"), (hex) => parseInt(hex, 16))),
  );
}

function cleanOnce(text: string, onBad: () => void): string {
  let caption = withoutAddresses(strip(unquotePlus(text)).toLowerCase());
  caption = withoutSigns(htmlText(caption));
  if ((caption.match(/[-_]/g) ?? []).length > 3) caption = caption.replace(/[-_]/g, " ");
  caption = unescapeHtml(unescapeHtml(mended(caption, onBad)));
  return strip(withoutWords(caption));
}

/**
 * A caption as those were read that the models were trained with: twice cleaned, as diffusers does (DeepFloyd IF's
 * `_text_preprocessing` with `clean_caption`, bs4 4.15 and ftfy 6.3.1).
 *
 * @param warn Is told where a text seems to be in another encoding than it was written in: ftfy guesses which, and here it
 *   is left as it is.
 */
export function cleanCaption(text: string, warn: (message: string) => void): string {
  let isBad = false;
  const onBad = () => void (isBad = true);
  const cleaned = cleanOnce(cleanOnce(text, onBad), onBad);
  if (isBad) {
    warn(
      `cleanCaption: ${
        JSON.stringify(text)
      } looks as if it was read in another encoding than it was written in; what ftfy ` +
        "would make of it is not known here, so it is left so",
    );
  }
  return cleaned;
}
