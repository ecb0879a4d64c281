import { SPACE } from "./_python.ts";

/**
 * Characters that stand where others were meant, by kinds, as classes of regular expressions (`MOJIBAKE_CATEGORIES` of ftfy
 * 6.3.1, Apache-2.0).
 */
const KINDS = {
  common: "\\u00a0\\u00ad\\u00b7\\u00b4\\u2013\\u2014\\u2015\\u2026\\u2019",
  c1: "\\u0080-\\u009f",
  bad:
    "\\u00a6\\u00a4\\u00a8\\u00ac\\u00af\\u00b8\\u0192\\u02c6\\u02c7\\u02d8\\u02db\\u02dc\\u2020\\u2021\\u2030\\u2310\\u25ca\\ufffd\\u00aa\\u00ba",
  law: "\\u00b6\\u00a7",
  currency: "\\u00a2\\u00a3\\u00a5\\u20a7\\u20ac",
  start_punctuation:
    "\\u00a1\\u00ab\\u00bf\\u00a9\\u0384\\u0385\\u2018\\u201a\\u201c\\u201e\\u2022\\u2039\\uf8ff",
  end_punctuation: "\\u00ae\\u00bb\\u02dd\\u201d\\u203a\\u2122",
  numeric:
    "\\u00b2\\u00b3\\u00b9\\u00b1\\u00bc\\u00bd\\u00be\\u00d7\\u00b5\\u00f7\\u2044\\u2202\\u2206\\u220f\\u2211\\u221a\\u221e\\u2229\\u222b\\u2248\\u2260\\u2261\\u2264\\u2265\\u2116",
  kaomoji:
    "\\u00d2-\\u00d6\\u00d9-\\u00dc\\u00f2-\\u00f6\\u00f8-\\u00fc\\u0150\\u014c\\u016a\\u0172\\u00b0",
  upper_accented:
    "\\u00c0-\\u00d1\\u00d8\\u00dc\\u00dd\\u0102\\u0100\\u0104\\u0106\\u010c\\u010e\\u0110\\u0118\\u011a\\u0112\\u0116\\u011e\\u0122\\u0130\\u012a\\u0136\\u0139\\u013d\\u0141\\u013b\\u0143\\u0147\\u0145\\u0152\\u0158\\u015a\\u015e\\u0160\\u0162\\u0164\\u016e\\u0170\\u0178\\u0179\\u017b\\u017d\\u0490",
  lower_accented:
    "\\u00df\\u00e0-\\u00f1\\u0103\\u0105\\u0101\\u0107\\u010d\\u010f\\u0111\\u0119\\u011b\\u0113\\u0117\\u011f\\u0123\\u012f\\u012b\\u0137\\u013a\\u013e\\u0142\\u013c\\u0153\\u0155\\u015b\\u015f\\u0161\\u0165\\u00fc\\u017a\\u017c\\u017e\\u0491\\ufb01\\ufb02",
  upper_common:
    "\\u00de\\u0391-\\u03a9\\u0386\\u0388\\u0389\\u038a\\u038c\\u038e\\u038f\\u03aa\\u03ab\\u0401-\\u042f",
  lower_common: "\\u03b1-\\u03c9\\u03ac\\u03ad\\u03ae\\u03af\\u03b0\\u0430-\\u045f",
  box:
    "\\u2502\\u250c\\u2510\\u2518\\u251c\\u2524\\u252c\\u253c\\u2550-\\u256c\\u2580\\u2584\\u2588\\u258c\\u2590\\u2591\\u2592\\u2593",
} as const;

/** Neighbours that are unlikely in any language (`BADNESS_RE`). */
const UNLIKELY: readonly string[] = [
  `[${KINDS.c1}]`,
  `[${KINDS.bad}${KINDS.lower_accented}${KINDS.upper_accented}${KINDS.box}${KINDS.start_punctuation}${KINDS.end_punctuation}${KINDS.currency}${KINDS.numeric}${KINDS.law}][${KINDS.bad}]`,
  `[a-zA-Z][${KINDS.lower_common}${KINDS.upper_common}][${KINDS.bad}]`,
  `[${KINDS.bad}][${KINDS.lower_accented}${KINDS.upper_accented}${KINDS.box}${KINDS.start_punctuation}${KINDS.end_punctuation}${KINDS.currency}${KINDS.numeric}${KINDS.law}]`,
  `[${KINDS.lower_accented}${KINDS.lower_common}${KINDS.box}${KINDS.end_punctuation}${KINDS.currency}${KINDS.numeric}][${KINDS.upper_accented}]`,
  `[${KINDS.box}${KINDS.end_punctuation}${KINDS.currency}${KINDS.numeric}][${KINDS.lower_accented}]`,
  `[${KINDS.lower_accented}${KINDS.box}${KINDS.end_punctuation}][${KINDS.currency}]`,
  `[${SPACE}][${KINDS.upper_accented}][${KINDS.currency}]`,
  `[${KINDS.upper_accented}${KINDS.box}][${KINDS.numeric}${KINDS.law}]`,
  `[${KINDS.lower_accented}${KINDS.upper_accented}${KINDS.box}${KINDS.currency}${KINDS.end_punctuation}][${KINDS.start_punctuation}][${KINDS.numeric}]`,
  `[${KINDS.lower_accented}${KINDS.upper_accented}${KINDS.currency}${KINDS.numeric}${KINDS.box}${KINDS.law}][${KINDS.end_punctuation}][${KINDS.start_punctuation}]`,
  `[${KINDS.currency}${KINDS.numeric}${KINDS.box}][${KINDS.start_punctuation}]`,
  `[a-z][${KINDS.upper_accented}][${KINDS.start_punctuation}${KINDS.currency}]`,
  `[${KINDS.box}][${KINDS.kaomoji}]`,
  `[${KINDS.lower_accented}${KINDS.upper_accented}${KINDS.currency}${KINDS.numeric}${KINDS.start_punctuation}${KINDS.end_punctuation}${KINDS.law}][${KINDS.box}]`,
  `[${KINDS.box}][${KINDS.end_punctuation}]`,
  `[${KINDS.lower_accented}${KINDS.upper_accented}][${KINDS.start_punctuation}${KINDS.end_punctuation}][\\p{L}\\p{N}_]`,
  `[\\u0152\\u0153][^A-Za-z]`,
  `[${KINDS.upper_accented}]\\u00b0`,
  `[\\u00c2\\u00c3\\u00ce\\u00d0][\\u20ac\\u0153\\u0160\\u0161\\u00a2\\u00a3\\u0178\\u017e\\u00a0\\u00ad\\u00ae\\u00a9\\u00b0\\u00b7\\u00bb${KINDS.start_punctuation}${KINDS.end_punctuation}\\u2013\\u2014\\u00b4]`,
  `\\u00d7[\\u00b2\\u00b3]`,
  `[\\u00d8\\u00d9][${KINDS.common}${KINDS.currency}${KINDS.bad}${KINDS.numeric}${KINDS.start_punctuation}\\u0178\\u0160\\u00ae\\u00b0\\u00b5\\u00bb][\\u00d8\\u00d9][${KINDS.common}${KINDS.currency}${KINDS.bad}${KINDS.numeric}${KINDS.start_punctuation}\\u0178\\u0160\\u00ae\\u00b0\\u00b5\\u00bb]`,
  `\\u00e0[\\u00b2\\u00b5\\u00b9\\u00bc\\u00bd\\u00be]`,
  `\\u221a[\\u00b1\\u2202\\u2020\\u2260\\u00ae\\u2122\\u00b4\\u2264\\u2265\\u00a5\\u00b5\\u00f8]`,
  `\\u2248[\\u00b0\\u00a2]`,
  `\\u201a\\u00c4[\\u00ec\\u00ee\\u00ef\\u00f2\\u00f4\\u00fa\\u00f9\\u00fb\\u2020\\u00b0\\u00a2\\u03c0]`,
  `\\u201a[\\u00e2\\u00f3][\\u00e0\\u00e4\\u00b0\\u00ea]`,
  `\\u0432\\u0402`,
  `[\\u0412\\u0413\\u0420\\u0421][${KINDS.c1}${KINDS.bad}${KINDS.start_punctuation}${KINDS.end_punctuation}${KINDS.currency}\\u00b0\\u00b5][\\u0412\\u0413\\u0420\\u0421]`,
  `\\u0413\\u045e\\u0412\\u0402\\u0412.[A-Za-z ]`,
  `\\u00c3[\\u00a0\\u00a1]`,
  `[a-z][${SPACE}]?[\\u00c3\\u00c2][ ]`,
  `^[\\u00c3\\u00c2][ ]`,
  `[a-z.,?!${KINDS.end_punctuation}]\\u00c2[ ${KINDS.start_punctuation}${KINDS.end_punctuation}]`,
  `\\u03b2\\u20ac[\\u2122\\u00a0\\u0386\\u00ad\\u00ae\\u00b0]`,
  `[\\u0392\\u0393\\u039e\\u039f][${KINDS.c1}${KINDS.bad}${KINDS.start_punctuation}${KINDS.end_punctuation}${KINDS.currency}\\u00b0][\\u0392\\u0393\\u039e\\u039f]`,
  `\\u0101\\u20ac`,
];

const BAD = new RegExp(UNLIKELY.join("|"), "u");

/** Whether a text looks as if its bytes were read in another encoding than they were written in (`is_bad` of ftfy). */
export function isBad(text: string): boolean {
  return BAD.test(text);
}
