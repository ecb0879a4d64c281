import type { PipelineClass } from "@denoise/core";
import { registry } from "../../plugins/registry.ts";
import { members } from "../workspace/members.ts";
import type { MadePage } from "./api.ts";
import { documentation, type MemberDoc, type ModuleDoc, prose } from "./doc.ts";
import { familyTexts, writtenParts } from "./pages.ts";

type AnyClass = PipelineClass<object, readonly unknown[], unknown>;

/** Parts of families' names that are not written as words with a capital. */
const WORDS: Readonly<Record<string, string>> = {
  flux: "FLUX.1",
  flux2: "FLUX.2",
  flux3: "FLUX.3",
  sde: "SDE",
  ve: "VE",
  dit: "DiT",
  xl: "XL",
  pag: "PAG",
  ace: "ACE",
  audioldm: "AudioLDM",
  audioldm2: "AudioLDM 2",
  pixart: "PixArt",
  longcat: "LongCat",
  aura: "Aura",
  pix2pix: "InstructPix2Pix",
};

/** The name of a family as a title: `stable-diffusion-xl` as Stable Diffusion XL. */
export function familyTitle(family: string): string {
  return family.split("-").map((word) => WORDS[word] ?? word[0]!.toUpperCase() + word.slice(1))
    .join(" ");
}

/** The family of each pipeline class. */
export function classFamilies(): Map<string, string> {
  return new Map(registry.pipelines().map(({ className, family }) => [className, family]));
}

/** The first sentence of a text. */
function sentence(text = ""): string {
  const first = text.split("\n\n")[0]!.replace(/\s*\n\s*/g, " ");
  return prose(first.match(/^.*?[.:](?= |$)/)?.[0] ?? first).replace(/\|/g, "\\|");
}

/** The documentation of every package of the workspace, by its name. */
export async function packageDocs(): Promise<Map<string, ModuleDoc>> {
  const packages = (await members()).filter(({ path }) => /^plugins\/(?!tools)/.test(path));
  const paths = packages.map(({ path }) => `${path}/mod.ts`);
  const docs = await documentation(paths);
  return new Map(packages.map(({ config }, i) => [config.name, docs.get(paths[i]!)!]));
}

/** What each class of the registry is, in a sentence of its package. */
export function classSummaries(docs: ReadonlyMap<string, ModuleDoc>): Map<string, string> {
  return new Map(
    registry.names().map((name) => {
      const { module_doc, symbols } = docs.get(registry.packageOf(name)!)!;
      const own = symbols.find((symbol) => symbol.name === name)?.declarations
        .find(({ kind }) => kind === "variable")?.jsDoc?.doc;
      return [name, sentence(own ?? module_doc?.doc)];
    }),
  );
}

/** What is said of the members of interfaces, those that they extend included. */
function explained(docs: ReadonlyMap<string, ModuleDoc>) {
  const interfaces = new Map<string, { own: readonly MemberDoc[]; bases: readonly string[] }>();
  for (const { symbols } of docs.values()) {
    for (const { name, declarations } of symbols) {
      for (const { kind, def } of declarations) {
        if (kind !== "interface") continue;
        const bases = Array.isArray(def.extends) ? def.extends : [];
        const names = bases.flatMap(({ value }) => [
          value.typeName,
          ...(value.typeParams ?? []).map(({ value }: { value: { typeName?: string } }) =>
            value?.typeName
          ),
        ]).filter((name) => typeof name === "string");
        interfaces.set(name, { own: def.properties ?? [], bases: names });
      }
    }
  }
  const collect = (name: string, found: Map<string, string>): Map<string, string> => {
    const { own, bases } = interfaces.get(name) ?? { own: [], bases: [] };
    for (const { name, jsDoc } of own) {
      if (jsDoc?.doc !== undefined && !found.has(name)) found.set(name, jsDoc.doc);
    }
    bases.forEach((base) => collect(base, found));
    return found;
  };
  return (module: ModuleDoc): Map<string, string> => {
    const found = new Map<string, string>();
    for (const { name, declarations } of module.symbols) {
      if (declarations.some(({ kind }) => kind === "interface")) collect(name, found);
    }
    return found;
  };
}

function accepted(option: Readonly<Record<string, unknown>>): string {
  const { type, choices, minimum, maximum } = option;
  if (Array.isArray(choices)) return choices.map((choice) => JSON.stringify(choice)).join(", ");
  const range = minimum === undefined && maximum === undefined
    ? ""
    : maximum === undefined
    ? `, ${minimum} or more`
    : `, ${minimum ?? "any"} to ${maximum}`;
  return `${type}${range}`;
}

function optionsTable(Class: AnyClass, texts: ReadonlyMap<string, string>): string {
  const defaults: Readonly<Record<string, unknown>> = Class.defaults ?? {};
  const rows = Object.entries(Class.options ?? {}).map(([name, option]) => {
    const value = defaults[name] === undefined ? "" : `\`${JSON.stringify(defaults[name])}\``;
    const text = prose(texts.get(name) ?? "").replace(/\s*\n\s*/g, " ").replace(/\|/g, "\\|");
    return `| \`${name}\` | ${accepted({ ...option })} | ${value} | ${text} |`;
  });
  return `| option | accepts | default | what |\n| --- | --- | --- | --- |\n${rows.join("\n")}`;
}

/**
 * A page for each family: what docs/families says of it, its pipelines, what they are for, their components and options.
 *
 * @throws {RangeError} when docs/families has a page of no family.
 */
export async function familyPages(docs: ReadonlyMap<string, ModuleDoc>): Promise<MadePage[]> {
  const textsOf = explained(docs);
  const families = new Map<string, Map<string, string[]>>();
  for (const { className, family, task } of registry.pipelines()) {
    const classes = families.get(family) ?? new Map<string, string[]>();
    families.set(family, classes.set(className, [...classes.get(className) ?? [], task]));
  }
  const texts = await familyTexts();
  const stray = texts.filter((family) => !families.has(family));
  if (stray.length > 0) {
    throw new RangeError(
      `docs/families has ${stray.join(", ")}, of which the registry has no family: it has ` +
        [...families.keys()].join(", "),
    );
  }
  const pages: MadePage[] = [];
  for (const [family, classes] of families) {
    const parts = [
      texts.includes(family)
        ? await writtenParts([`docs/families/${family}.md`])
        : `# ${familyTitle(family)}`,
    ];
    const title = parts[0]!.match(/^# (.*)$/m)![1]!;
    if (classes.size > 1) {
      parts.push(
        "## Classes",
        "| pipeline | tasks |\n| --- | --- |\n" +
          [...classes].map(([name, tasks]) =>
            `| [\`${name}\`](#${name.toLowerCase()}) | ${tasks.join(", ")} |`
          ).join("\n"),
      );
    }
    for (const [name, tasks] of classes) {
      const Class = await registry.get(name, "pipeline") as AnyClass;
      const module = docs.get(registry.packageOf(name)!)!;
      const components = Object.entries(Class.spec).map(([component, { kind, optional }]) =>
        `\`${component}\` (${kind}${optional ? ", optional" : ""})`
      );
      parts.push(
        `## ${name}`,
        `\`${registry.packageOf(name)}\`, ${tasks.join(" and ")}. Components: ${
          components.join(", ")
        }.`,
        prose(module.module_doc?.doc),
        ...(module.module_doc?.tags ?? []).filter(({ kind }) => kind === "example")
          .map(({ doc }) => prose(doc)),
        optionsTable(Class, textsOf(module)),
      );
    }
    pages.push({
      path: `families/${family}`,
      title,
      text: parts.join("\n\n"),
    });
  }
  pages.sort((a, b) => a.title.localeCompare(b.title));
  const rows = pages.map(({ path, title }) => {
    const classes = families.get(path.slice("families/".length))!;
    const tasks = new Set([...classes.values()].flat());
    return `| [${title}](${path.slice("families/".length)}.md) | ${[...tasks].join(", ")} |`;
  });
  const text = [
    "# Families",
    "A family is the pipelines that work with the same models: one is made of another's components, and nothing is loaded twice.",
    `| family | tasks |\n| --- | --- |\n${rows.join("\n")}`,
    "What each weighs stands under [What runs](../get-started.md#what-runs).",
  ].join("\n\n");
  return [{ path: "families/index", title: "All families", text }, ...pages];
}
