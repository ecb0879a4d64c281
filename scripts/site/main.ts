/**
 * `deno task site [--out DIR] [--base /denoise/] [--preview]`: builds the documentation site from docs/,
 * README.md and the documentation comments, with VitePress. Its packages are listed in packages.json
 * and pinned in packages.lock beside this file, are in no list of the workspace, and lie in
 * .cache/site, where the site is built too. `--preview` serves what was built.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { cp, mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../workspace/members.ts";
import { apiPages, type MadePage } from "./api.ts";
import { classSummaries, familyPages, packageDocs } from "./families.ts";
import { GROUPS, writtenText } from "./pages.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

interface Link {
  readonly text: string;
  readonly link?: string;
  readonly items?: readonly Link[];
}

const linkTo = ({ path, title }: { path: string; title: string }): Link => ({
  text: title,
  link: `/${path.replace(/\bindex$/, "")}`,
});

/** The sidebars, by the path below which they are shown. */
function sidebars(families: readonly MadePage[], api: readonly MadePage[]): Record<string, Link[]> {
  const guide = { text: "Guide", link: "/get-started" };
  const made = [{ text: "Families", link: "/families/" }, { text: "API reference", link: "/api/" }];
  return {
    "/": [
      ...GROUPS.map(({ title, pages }) => ({ text: title, items: pages.map(linkTo) })),
      { text: "Reference", items: made },
    ],
    "/families/": [guide, { text: "Families", items: families.map(linkTo) }],
    "/api/": [guide, { text: "API reference", items: api.map(linkTo) }],
  };
}

async function write(folder: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(`${folder}/${path}`), { recursive: true });
  await Deno.writeTextFile(`${folder}/${path}`, text);
}

async function deno(cwd: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), { args, cwd, env, stdin: "null" }).spawn();
  const { success } = await child.status;
  if (!success) throw new Error(`deno ${args.join(" ")} failed`);
}

/** Writes the pages and what VitePress needs into a folder, and fetches VitePress into it. */
async function prepare(work: string): Promise<void> {
  const source = `${work}/source`;
  await rm(source, { recursive: true, force: true });
  const docs = await packageDocs();
  const [families, api] = await Promise.all([
    familyPages(docs),
    apiPages(classSummaries(docs)),
  ]);
  for (const page of GROUPS.flatMap(({ pages }) => pages)) {
    await write(source, `${page.path}.md`, await writtenText(page));
  }
  for (const { path, text } of [...families, ...api]) await write(source, `${path}.md`, text);
  await cp(here("home.md"), `${source}/index.md`);
  await cp(here("theme"), `${source}/.vitepress/theme`, { recursive: true });
  await cp(here("config.js"), `${source}/.vitepress/config.js`);
  await cp(here("public"), `${source}/public`, { recursive: true });
  for (const folder of ["images", "notebooks"]) {
    await cp(fileURLToPath(new URL(`docs/${folder}`, root)), `${source}/public/${folder}`, {
      recursive: true,
    });
  }
  await write(source, ".vitepress/sidebar.json", JSON.stringify(sidebars(families, api)));
  await cp(here("packages.json"), `${work}/deno.json`);
  await cp(here("packages.lock"), `${work}/deno.lock`);
  await deno(work, ["install", "--frozen", "--quiet"]);
}

/** Builds the site into a folder, for a server that has it below the path `base`. */
export async function buildSite(out: string, base: string): Promise<void> {
  const work = fileURLToPath(new URL(".cache/site", root));
  await prepare(work);
  const args = ["run", "-A", "--quiet", "npm:vitepress", "build", "source", "--outDir", out];
  // what is no page: the router leaves it to the browser
  await deno(work, args, { SITE_BASE: base, VITE_EXTRA_EXTENSIONS: "ipynb" });
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: fileURLToPath(new URL(".cache/site/dist", root)) },
      base: { type: "string", default: "/" },
      preview: { type: "boolean", default: false },
    },
  });
  await buildSite(values.out, values.base);
  console.log(values.out);
  if (values.preview) {
    const { serveFolder } = await import("./serve.ts");
    const server = serveFolder(values.out, values.base, 4173);
    console.log(`http://127.0.0.1:${server.addr.port}${values.base}`);
  }
  if (!values.preview) Deno.exit();
}
