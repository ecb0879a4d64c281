/** A fence with the text in it. */
const FENCE = /^```.*?^```$/gms;

/** A line of an indented block. */
const INDENTED = /^ {4}.*$/gm;

/** How a command begins: variables, then a program that the pages call, then what it is to do. */
const COMMAND =
  /^(?:[A-Z][A-Z0-9_]*=\S+ +)*(?:deno|denoise|npx|bunx|node|npm|curl|sh|docker|kubectl|modal|hf|pip|aws) +\S/;

/**
 * The commands that a page tells its reader to type: lines of its blocks for the shell, indented lines, and code in
 * its sentences. Lines that end in a backslash go on; what stands behind ` #` is left out.
 */
export function docCommands(page: string): string[] {
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([_, text]) => text!);
  const prose = page.replaceAll(FENCE, "");
  const indented = [...prose.matchAll(INDENTED)].map(([line]) => line);
  const lines = [...blocks, ...indented].join("\n").replaceAll(/ *\\\n\s*/g, " ").split("\n")
    .map((line) => line.replace(/\s+# .*$/, ""));
  const spans = [...prose.replaceAll(INDENTED, "").matchAll(/`([^`]+)`/g)]
    .map(([_, text]) => text!.replaceAll(/\s+/g, " "));
  return [...new Set([...lines, ...spans].map((line) => line.trim()))]
    .filter((line) => COMMAND.test(line));
}
