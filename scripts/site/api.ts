import { documentation, memberText, paramsText, prose, typeText } from "./doc.ts";
import type { Declaration, JsDoc, MemberDoc, SymbolDoc } from "./doc.ts";
import { classFamilies } from "./families.ts";
import { registry } from "../../plugins/registry.ts";

/** A page that is made from the code: its address without a suffix, its title, its text. */
export interface MadePage {
  readonly path: string;
  readonly title: string;
  readonly text: string;
}

const tag = (jsDoc: JsDoc | undefined, kind: string) =>
  jsDoc?.tags?.filter((one) => one.kind === kind) ?? [];

const cell = (text: string) => text.replace(/\s*\n\s*/g, " ").replace(/\|/g, "\\|");

const slug = (title: string) => title.toLowerCase().replace(/[^a-z0-9]+/g, "-");

function membersTable(members: readonly MemberDoc[]): string {
  const rows = members.filter(({ accessibility, name }) =>
    accessibility !== "private" && !name.startsWith("#") && !name.startsWith("[")
  ).map((member) => `| \`${cell(memberText(member))}\` | ${cell(prose(member.jsDoc?.doc))} |`);
  return rows.length === 0 ? "" : `| member | what |\n| --- | --- |\n${rows.join("\n")}`;
}

function signature({ kind, def }: Declaration, name: string): string {
  switch (kind) {
    case "function":
      return `function ${name}(${paramsText(def.params)}): ${typeText(def.returnType)}`;
    case "class": {
      const made = def.constructors?.[0]?.params;
      return made === undefined ? `class ${name}` : `new ${name}(${paramsText(made)})`;
    }
    case "interface": {
      const bases = Array.isArray(def.extends) ? def.extends.map(typeText).join(", ") : "";
      return `interface ${name}${bases === "" ? "" : ` extends ${bases}`}`;
    }
    case "typeAlias":
      return `type ${name} = ${typeText(def.tsType)}`;
    default:
      return `const ${name}: ${typeText(def.tsType)}`;
  }
}

/** A symbol as a section: how it is written, what it does, its parts, its errors, an example. */
function section({ name, declarations }: SymbolDoc): string {
  const main = declarations.find(({ jsDoc }) => tag(jsDoc, "category").length > 0)!;
  const { jsDoc, def } = main;
  const same = declarations.filter(({ kind }) => kind === main.kind);
  const params = tag(jsDoc, "param").map(({ name, doc }) => `- \`${name}\`: ${cell(prose(doc))}`);
  const throws = tag(jsDoc, "throws").map(({ tsType, doc }) =>
    `- Throws \`${typeText(tsType)}\` ${cell(prose(doc))}`
  );
  const parts = [
    `## ${name}`,
    "```ts\n" + same.map((one) => signature(one, name)).join("\n") + "\n```",
    prose(jsDoc?.doc),
    [...params, ...throws].join("\n"),
    membersTable([...def.properties ?? [], ...def.methods ?? []]),
    ...tag(jsDoc, "example").map(({ doc }) => prose(doc)),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** The classes of diffusers and transformers, which have a package each. */
function classTable(symbols: readonly SymbolDoc[], summaries: ReadonlyMap<string, string>): string {
  const families = classFamilies();
  const rows = symbols.map(({ name }) => {
    const family = families.get(name);
    const shown = family === undefined ? `\`${name}\`` : `[\`${name}\`](../families/${family}.md)`;
    return `| ${shown} | \`${registry.packageOf(name)}\` | ${summaries.get(name) ?? ""} |`;
  });
  return `| class | package | what |\n| --- | --- | --- |\n${rows.join("\n")}`;
}

/**
 * The reference of what `@denoise/denoise` exports, a page for each `@category`.
 *
 * @param summaries What each class of the registry is, in a sentence.
 */
export async function apiPages(summaries: ReadonlyMap<string, string>): Promise<MadePage[]> {
  const [module] = (await documentation(["mod.ts"])).values();
  const categories = new Map<string, SymbolDoc[]>();
  for (const symbol of module!.symbols) {
    const found = symbol.declarations.flatMap(({ jsDoc }) => tag(jsDoc, "category"))[0]?.doc;
    if (found === undefined) continue;
    const category = found.trim();
    categories.set(category, [...categories.get(category) ?? [], symbol]);
  }
  const pages = [...categories].sort(([a], [b]) => a.localeCompare(b)).map(([title, symbols]) => {
    const sorted = symbols.toSorted((a, b) => a.name.localeCompare(b.name));
    const classes = sorted.filter(({ name }) => registry.has(name));
    const others = sorted.filter(({ name }) => !registry.has(name));
    const text = [
      `# ${title}`,
      `All of it is exported by \`@denoise/denoise\`.`,
      ...others.map(section),
      ...classes.length === 0 ? [] : ["## Classes", classTable(classes, summaries)],
    ].join("\n\n");
    return { path: `api/${slug(title)}`, title, text };
  });
  const index = pages.map(({ path, title }) =>
    `- [${title}](${path.slice(4)}.md): ${
      categories.get(title)!.map(({ name }) => `\`${name}\``).slice(0, 6).join(", ")
    }${categories.get(title)!.length > 6 ? " …" : ""}`
  ).join("\n");
  const text = `# API reference\n\nWhat \`@denoise/denoise\` exports, by category.\n\n${index}`;
  return [{ path: "api/index", title: "Overview", text }, ...pages];
}
