/**
 * What `deno doc --json` says of modules, as far as the site shows it, and its types as text.
 *
 * @module
 */
import { root } from "../workspace/members.ts";

/** A documentation comment. */
export interface JsDoc {
  readonly doc?: string;
  readonly tags?: readonly {
    readonly kind: string;
    readonly name?: string;
    readonly doc?: string;
    readonly tsType?: TsType;
  }[];
}

/** A type as `deno doc` describes it: what is in it depends on its kind. */
export interface TsType {
  readonly kind: string;
  readonly repr?: string;
  // deno-lint-ignore no-explicit-any -- a tree with a shape for each of twenty kinds
  readonly value?: any;
}

/** A parameter of a function. */
export interface Param {
  readonly kind: string;
  readonly name?: string;
  readonly optional?: boolean;
  readonly tsType?: TsType;
  readonly left?: Param;
  readonly arg?: Param;
  readonly elements?: readonly (Param | null)[];
}

/** A named part of a class or interface. */
export interface MemberDoc {
  readonly name: string;
  readonly jsDoc?: JsDoc;
  readonly optional?: boolean;
  readonly readonly?: boolean;
  readonly isStatic?: boolean;
  readonly kind?: string;
  readonly accessibility?: string;
  readonly tsType?: TsType;
  readonly params?: readonly Param[];
  readonly returnType?: TsType;
  readonly functionDef?: { readonly params: readonly Param[]; readonly returnType?: TsType };
}

/** One declaration of a symbol. */
export interface Declaration {
  readonly kind: string;
  readonly jsDoc?: JsDoc;
  readonly location: { readonly filename: string };
  readonly def: {
    readonly tsType?: TsType;
    readonly extends?: string | readonly TsType[];
    readonly params?: readonly Param[];
    readonly returnType?: TsType;
    readonly constructors?: readonly MemberDoc[];
    readonly properties?: readonly MemberDoc[];
    readonly methods?: readonly MemberDoc[];
  };
}

/** What a module exports under a name. */
export interface SymbolDoc {
  readonly name: string;
  readonly declarations: readonly Declaration[];
}

/** A module: its own comment and what it exports. */
export interface ModuleDoc {
  readonly module_doc?: JsDoc;
  readonly symbols: readonly SymbolDoc[];
}

/** The documentation of modules, by the paths that were given. */
export async function documentation(paths: readonly string[]): Promise<Map<string, ModuleDoc>> {
  const addresses = paths.map((path) => new URL(path, root).href);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--no-lock", "--json", "--quiet", ...addresses],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(`deno doc failed: ${new TextDecoder().decode(stderr)}`);
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  return new Map(paths.map((path, i) => [path, nodes[addresses[i]!]]));
}

const list = (types: readonly TsType[], between: string) => types.map(typeText).join(between);

/** A type as it is written in TypeScript. */
export function typeText(type: TsType | undefined): string {
  if (type === undefined) return "unknown";
  const { value } = type;
  switch (type.kind) {
    case "literal":
      return value.kind === "string"
        ? JSON.stringify(value.string)
        : value.kind === "template"
        ? `\`${type.repr}\``
        : type.repr ?? "";
    case "typeRef": {
      const args: readonly TsType[] = value.typeParams ?? [];
      return value.typeName + (args.length === 0 ? "" : `<${list(args, ", ")}>`);
    }
    case "union":
      return list(value, " | ");
    case "intersection":
      return list(value, " & ");
    case "array":
      return /^(union|intersection|fnOrConstructor|typeOperator)$/.test(value.kind)
        ? `(${typeText(value)})[]`
        : `${typeText(value)}[]`;
    case "tuple":
      return `[${list(value, ", ")}]`;
    case "typeOperator":
      return `${value.operator} ${typeText(value.tsType)}`;
    case "parenthesized":
      return `(${typeText(value)})`;
    case "rest":
      return `...${typeText(value)}`;
    case "optional":
      return `${typeText(value)}?`;
    case "indexedAccess":
      return `${typeText(value.objType)}[${typeText(value.indexType)}]`;
    case "typeQuery":
      return `typeof ${type.repr}`;
    case "fnOrConstructor":
      return `${value.constructor === true ? "new " : ""}(${paramsText(value.params)}) => ${
        typeText(value.tsType)
      }`;
    case "typeLiteral":
      return `{ ${
        [...value.properties ?? [], ...value.methods ?? []].map(memberText).join("; ")
      } }`;
    default:
      return type.repr ?? type.kind;
  }
}

function paramText(param: Param): string {
  if (param.kind === "assign") return `${paramText(param.left!)} = …`;
  if (param.kind === "rest") return `...${paramText({ ...param.arg!, tsType: param.tsType! })}`;
  const name = param.name ?? (param.kind === "array" ? "list" : "options");
  const type = param.tsType === undefined ? "" : `: ${typeText(param.tsType)}`;
  return `${name}${param.optional ? "?" : ""}${type}`;
}

/** Parameters as they are written between brackets. */
export function paramsText(params: readonly Param[] = []): string {
  return params.map(paramText).join(", ");
}

/** A property or method on one line. */
export function memberText(member: MemberDoc): string {
  const call = member.functionDef ?? (member.params === undefined ? undefined : member);
  if (call === undefined || member.kind === "getter") {
    const optional = member.optional ? "?" : "";
    const type = member.kind === "getter" ? member.functionDef?.returnType : member.tsType;
    return `${member.readonly ? "readonly " : ""}${member.name}${optional}: ${typeText(type)}`;
  }
  const result = call.returnType === undefined ? "" : `: ${typeText(call.returnType)}`;
  return `${member.name}(${paramsText(call.params)})${result}`;
}

/** Indented blocks of code as fenced ones, which can be scrolled and copied; one may follow its heading at once. */
export function fenced(text: string): string {
  return text.replace(
    /(?<=\n\n|^|(?:^|\n)#[^\n]*\n)(?: {4}\S.*(?:\n+(?= {4}))?)(?: {4}.*(?:\n+(?= {4}))?)*/g,
    (block) => `\`\`\`text\n${block.replace(/^ {4}/gm, "")}\n\`\`\``,
  );
}

/** `{@linkcode X}` as code, and nothing that a page would take for HTML outside of code. */
export function prose(text = ""): string {
  const linked = text.replace(/\{@link(?:code|plain)?\s+([^}\s|]+)[^}]*\}/g, "`$1`");
  return fenced(linked).split(/(^```[\s\S]*?^```|`[^`\n]*`)/m)
    .map((part, i) => i % 2 === 1 ? part : part.replace(/</g, "&lt;").replace(/\{\{/g, "{ {"))
    .join("").replace(/^```(\w+) ignore$/gm, "```$1").trim();
}
