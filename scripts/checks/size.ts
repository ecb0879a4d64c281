/**
 * `deno task check:size`: how large core, the root package, the pipelines of Stable Diffusion and the
 * tracked files are, and whether a name stands for two things. Prints the counts; fails beyond the limits.
 *
 * @module
 */
import { type Exported, exportsOf } from "../workspace/exports.ts";
import { sourceFiles } from "../workspace/imports.ts";
import { entryPoints, members, root } from "../workspace/members.ts";

/** What may not be exceeded. */
const LIMITS = {
  "lines of core, tests left out": 5000,
  "names that core exports": 140,
  "names that the root package exports beside the classes of plugins": 65,
  "lines of a Stable Diffusion pipeline, median": 85,
  "lines of a Stable Diffusion pipeline, most": 130,
  "MiB of all tracked files": 40,
} as const;

/** The pipelines of Stable Diffusion 1, 2 and XL that are a family, a start and perhaps ControlNets. */
const PIPELINES = ["stable_diffusion", "stable_diffusion_xl"].flatMap((family) =>
  ["", "_controlnet"].flatMap((control) =>
    ["", "_img2img", "_inpaint"].map((start) => `${family}${control}${start}`)
  )
);

/** Names that packages of one kind all have, by what they are imported by. */
const CONVENTIONS: Readonly<Record<string, RegExp>> = {
  "plugins/embedded/": /^(id|source|defaults)$/,
};

async function linesOf(file: URL): Promise<number> {
  return (await Deno.readTextFile(file)).split("\n").length - 1;
}

async function linesOfCore(): Promise<number> {
  const files = await Array.fromAsync(sourceFiles(new URL("core/", root)));
  const own = files.filter(({ pathname }) => !/_test\.ts$|\/testdata\//.test(pathname));
  return (await Promise.all(own.map(linesOf))).reduce((sum, lines) => sum + lines, 0);
}

/** What all files that git tracks hold; fixtures and goldens are made by rule or thinned to keep it small. */
async function trackedMiB(): Promise<number> {
  const listed = await new Deno.Command("git", { args: ["ls-files", "-z"], cwd: root }).output();
  if (!listed.success) throw new Error("Cannot list the tracked files: is this a clone with git?");
  const paths = new TextDecoder().decode(listed.stdout).split("\0").filter((path) => path !== "");
  const sizes = await Promise.all(paths.map((path) => Deno.lstat(new URL(encodeURI(path), root))));
  return Math.ceil(sizes.reduce((sum, { size }) => sum + size, 0) / 2 ** 20 * 10) / 10;
}

function distinct(exported: readonly Exported[]): number {
  return new Set(exported.map(({ name }) => name)).size;
}

/** Names that several packages declare, one line each. */
function doubles(all: readonly Exported[]): string[] {
  const places = new Map<string, Set<string>>();
  for (const { name, file } of all) {
    if (file === "plugins/classes.ts" || file === "mod.ts") continue; // the same things again
    const convention = Object.entries(CONVENTIONS).find(([folder]) => file.startsWith(folder));
    if (convention?.[1].test(name)) continue;
    places.set(name, (places.get(name) ?? new Set()).add(file));
  }
  return [...places].filter(([, files]) => files.size > 1)
    .map(([name, files]) => `${name} stands for two things: ${[...files].join(" and ")}`);
}

/** The counts, by what LIMITS calls them. */
async function counts(
  byPackage: ReadonlyMap<string, readonly Exported[]>,
): Promise<Record<keyof typeof LIMITS, number>> {
  const classes = new Set(
    (await exportsOf([new URL("plugins/classes.ts", root)])).map(({ name }) => name),
  );
  const lines = await Promise.all(
    PIPELINES.map((name) => linesOf(new URL(`plugins/pipelines/${name}/mod.ts`, root))),
  );
  const sorted = lines.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return {
    "lines of core, tests left out": await linesOfCore(),
    "names that core exports": distinct(byPackage.get("@denoise/core")!),
    "names that the root package exports beside the classes of plugins": distinct(
      byPackage.get("@denoise/denoise")!.filter(({ name }) => !classes.has(name)),
    ),
    "lines of a Stable Diffusion pipeline, median": (sorted[middle - 1]! + sorted[middle]!) / 2,
    "lines of a Stable Diffusion pipeline, most": sorted.at(-1)!,
    "MiB of all tracked files": await trackedMiB(),
  };
}

if (import.meta.main) {
  const all = await members();
  const byPackage = new Map(
    await Promise.all(
      all.map(async (member) =>
        [member.config.name, await exportsOf(entryPoints(member))] as const
      ),
    ),
  );
  const problems = doubles([...byPackage.values()].flat());
  for (const [what, count] of Object.entries(await counts(byPackage))) {
    const limit = LIMITS[what as keyof typeof LIMITS];
    console.log(`${what}: ${count} (at most ${limit})`);
    if (count > limit) problems.push(`${what}: ${count} is more than ${limit}`);
  }
  for (const problem of problems) console.error(problem);
  if (problems.length) Deno.exit(1);
}
