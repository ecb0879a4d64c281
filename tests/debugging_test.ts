/**
 * docs/debugging.md word by word: its files are written, its commands run, and what it says that they print is
 * printed. Needs the Python of the reference.
 *
 * @module
 */
import { assert, assertStringIncludes } from "@std/assert";
import { it } from "@std/testing/bdd";
import "./support/golden.ts"; // makes the weights of the fixtures
import { type Compared, firstBeyond } from "../scripts/reference/first_difference.ts";
import { docBlocks } from "./support/doc_blocks.ts";

const ROOT = new URL("../", import.meta.url);
const python = Deno.env.get("DENOISE_REFERENCE_PYTHON");

/** Runs a command of the page in the checkout, with its files in a folder there. */
async function run(line: string, folder: string): Promise<string> {
  const [command, ...args] = line.split(" ");
  assert(command === "deno", `a command of the page: ${line}`);
  const placed = args.map((arg) => /^(\w+\.ts|wrong)$/.test(arg) ? `${folder}/${arg}` : arg);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: placed,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

it("docs/debugging.md does what it says", { ignore: python === undefined }, async () => {
  // inside of the checkout, so that its files find the packages
  const folder = await Deno.makeTempDir({ dir: ROOT.pathname, prefix: "debugging-" });
  const page = await Deno.readTextFile(new URL("docs/debugging.md", ROOT));
  let printed = "";
  try {
    for (const { language, file, text } of docBlocks(page)) {
      if (file !== undefined) {
        const inside = text.replaceAll(/"(wrong|profile\.json)/g, `"${folder}/$1`);
        await Deno.writeTextFile(`${folder}/${file}`, inside);
      } else if (language === "sh") {
        printed = "";
        for (const line of text.trim().split("\n")) printed += await run(line, folder);
      } else {
        for (const line of text.trim().split("\n")) assertStringIncludes(printed, line);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

it("firstBeyond() takes the layer from which on most differ, and no layer that is folded", () => {
  const layers = (role: string, ...differences: (number | undefined)[]): Compared[] =>
    differences.map((difference, i) => ({
      ...{ key: `${role} ${i}`, role, model: "Model", path: `${i}` },
      difference,
    }));
  const at = (compared: Compared[]) => firstBeyond(compared, 1e-3)?.key;
  assert(at(layers("unet", 0, 1e-6, 1, 1e-6, 1e-6)) === undefined);
  const fine = Array<number>(8).fill(1e-6);
  assert(at(layers("unet", 0, 1, ...fine, undefined, 1, 1e-6, 1, 1, 1, 1)) === "unet 11");
  assert(at([...layers("text", 0, NaN), ...layers("unet", 0)]) === "text 1");
});
