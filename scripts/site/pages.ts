/**
 * Which pages the site has, where their texts stand, and how their links become links of the site.
 *
 * @module
 */
import { root } from "../workspace/members.ts";
import { fenced } from "./doc.ts";

/** A page that is written by hand: its texts are files of the repository, or sections of them. */
export interface WrittenPage {
  /** Address without a suffix. */
  readonly path: string;
  /** What it is called in the sidebar. */
  readonly title: string;
  /** Files from the root, `FILE#SECTION` for what stands under one heading of the second level. */
  readonly from: readonly string[];
}

/** A group of the sidebar. */
export interface Group {
  readonly title: string;
  readonly pages: readonly WrittenPage[];
}

const page = (path: string, title: string, ...from: string[]): WrittenPage => ({
  path,
  title,
  from: from.length === 0 ? [`docs/${path}.md`] : from,
});

/** The written pages, in the order of the sidebar. */
export const GROUPS: readonly Group[] = [
  {
    title: "Begin",
    pages: [
      page(
        "get-started",
        "Get started",
        "README.md#Install",
        "README.md#First image",
        "README.md#Quicktour",
        "README.md#What runs",
        "README.md#Change, adapt, steer",
        "README.md#Audio",
      ),
      page("migrate", "Migrate from diffusers"),
      page("tasks", "Tasks"),
      page("schedulers", "Schedulers"),
      page("adapters", "LoRA, ControlNet, IP-Adapter, inversion"),
      page("few-steps", "Few steps: LCM, TCD, Hyper"),
      page("memory", "Memory and quantization"),
      page("node", "Node.js and Bun"),
    ],
  },
  {
    title: "Serve",
    pages: [
      page("serving", "Serving and clients", "functions/README.md"),
      page("deploy", "GPU hosts"),
      page("offline", "Offline and tokens"),
      page("troubleshooting", "Troubleshooting"),
    ],
  },
  {
    title: "Extend",
    pages: [
      page("write-a-scheduler", "Write a scheduler"),
      page("write-a-pipeline", "Write a pipeline"),
      page("write-a-model", "Write a model"),
      page("debugging", "Find a wrong number"),
      page("architecture", "Architecture"),
    ],
  },
  {
    title: "Figures",
    pages: [
      page("coverage", "Coverage"),
      page("benchmarks", "Benchmarks"),
      page("dependencies", "Dependencies"),
    ],
  },
];

/** A Markdown text with what stands in fences taken apart: every second part is a fenced block. */
const fences = (text: string) => text.split(/(^```[\s\S]*?^```$)/m);

/** What stands under a heading of the second level, with the heading. */
export function sectionOf(text: string, title: string): string {
  let within = false;
  const kept = fences(text).flatMap((part, i) => {
    if (i % 2 === 1) return within ? [part] : [];
    return part.split("\n").filter((line) => {
      if (/^##? /.test(line)) within = line === `## ${title}`;
      return within;
    }).join("\n");
  });
  if (kept.length === 0) throw new RangeError(`There is no section ${JSON.stringify(title)}`);
  return kept.join("\n").trim();
}

/** Where a file of the repository is shown: on the first page that has it, or a part of it. */
function shownAt(file: string, heading: string): string | undefined {
  const family = file.match(/^docs\/(families\/.+)\.md$/)?.[1];
  if (family !== undefined) return family;
  const pages = GROUPS.flatMap(({ pages }) => pages);
  const whole = pages.find(({ from }) => from.includes(file));
  if (whole !== undefined || !file.endsWith(".md")) return whole?.path;
  return pages.find(({ from }) =>
    from.some((one) => {
      const [path, section = ""] = one.split("#");
      return path === file && (heading === "" || slugOf(section) === heading);
    })
  )?.path;
}

const slugOf = (title: string) => title.toLowerCase().replace(/[^\w]+/g, "-");

/**
 * A text with the links of its file turned into links of the site.
 *
 * @throws {RangeError} when a link leads to a file that is on no page.
 */
export function relink(text: string, file: string): string {
  const link = (target: string): string => {
    if (/^([a-z]+:|#)/.test(target)) return target;
    const { pathname, hash } = new URL(target, new URL(file, root));
    const inside = pathname.slice(root.pathname.length);
    // files that the site carries beside its pages
    if (/^docs\/(images|notebooks)\//.test(inside)) return `/${inside.slice("docs/".length)}`;
    const shown = shownAt(inside, hash.slice(1));
    if (shown === undefined) {
      const problem = `${file} links to ${target}, which is on no page of the site`;
      throw new RangeError(
        `${problem}: add it to scripts/site/pages.ts, or name it without a link`,
      );
    }
    return `/${shown}.md${hash}`;
  };
  return fences(text).map((part, i) =>
    i % 2 === 1
      ? part
      : part.replace(/(\]\()([^)\s]+)(\))/g, (_, open, target, close) =>
        open + link(target) + close)
        .replace(/(<img [^>]*src=")([^"]+)/g, (_, open, target) =>
          open + link(target))
  ).join("");
}

/** Fences with a file's name behind the language say it in a line of its own. */
function namedFiles(text: string): string {
  return text.replace(
    /^```(\w+) +(\S+)$/gm,
    (_, language, file) =>
      file === "ignore" ? `\`\`\`${language}` : `<p class="file">${file}</p>\n\n\`\`\`${language}`,
  );
}

/** The families that docs/families has a text of. */
export async function familyTexts(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(new URL("docs/families", root))) {
    names.push(name.replace(/\.md$/, ""));
  }
  return names.sort();
}

/** The text of a written page. */
export async function writtenText({ title, from }: WrittenPage): Promise<string> {
  const text = await writtenParts(from);
  return text.startsWith("# ") ? text : `# ${title}\n\n${text}`;
}

/** Texts of files, or of sections of them, as the site has them. */
export async function writtenParts(from: readonly string[]): Promise<string> {
  const parts = await Promise.all(from.map(async (source) => {
    const [file, section] = source.split("#") as [string, string?];
    const text = await Deno.readTextFile(new URL(file, root));
    return relink(section === undefined ? text : sectionOf(text, section), file);
  }));
  return fences(namedFiles(parts.join("\n\n")))
    .map((part, i) => i % 2 === 1 ? part : fenced(part)).join("");
}
