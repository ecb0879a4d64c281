import { type CallOption, type Registry, roleKey } from "@denoise/core";
import {
  countOption,
  findOption,
  lengthOption,
  type NamedOption,
  namedOptions,
  readOption,
} from "@denoise/loading";
import { InvalidArgumentError } from "commander";
import { checkFiles, imageInput } from "./input.ts";
import { meant } from "./names.ts";
import { type AnyClass, classNamed } from "./tasks.ts";

/** A value for an option of a pipeline, as it stands on the command line. */
export interface OwnOption {
  readonly name: string;
  readonly text: string;
}

/** Options of calls that have a flag of their own. */
const FLAGS: Readonly<Record<string, string>> = {
  ...{ numInferenceSteps: "steps", guidanceScale: "guidance", negativePrompt: "negative" },
  ...{ eta: "eta", clipSkip: "clip-skip", promptSyntax: "prompt-syntax", lyrics: "lyrics" },
  ...{ width: "size", height: "size", image: "image", maskImage: "mask", strength: "strength" },
  ...{ controlImage: "control-image", controlnetConditioningScale: "control-scale" },
  ...{ adapterConditioningScale: "control-scale", controlMode: "control-mode" },
  ...{ depthMap: "depth", ipAdapterImage: "ip-adapter-image" },
};

/** Kinds of values that a command line can give. */
const KINDS: readonly CallOption["type"][] = [
  ...["number", "integer", "boolean", "string", "image", "audio", "any"] as const,
];

/** Kinds of values that are in files. */
const FILES: Partial<Record<CallOption["type"], string>> = {
  image: "images",
  audio: "audio clips",
};

/** Reads `name=value`. */
export function ownOption(text: string): OwnOption {
  const [_, name, value] = text.match(/^-*([\w-]+)=(.*)$/s) ?? [];
  if (name === undefined) {
    throw new InvalidArgumentError('It must be a name and a value, as in "guidance_rescale=0.7".');
  }
  return { name, text: value! };
}

/** The options of a class that `--option` gives, by diffusers' names. */
export function ownOptionsOf(Class: Pick<AnyClass, "options">): ReadonlyMap<string, NamedOption> {
  const taken = [...Object.keys(FLAGS), countOption(Class) ?? "", lengthOption(Class) ?? ""];
  return new Map(
    [...namedOptions(Class, taken)].filter(([_, { option }]) => KINDS.includes(option.type)),
  );
}

/**
 * What `--option` gives to a call of a class: one that is given several times is a list.
 *
 * @throws {TypeError} for a name that the class does not have, with those that it has, and for a value of another type.
 * @throws {RangeError} for a number or word that is not allowed.
 */
export async function readOwnOptions(
  Class: Pick<AnyClass, "className" | "options">,
  given: readonly OwnOption[],
): Promise<Record<string, unknown>> {
  const known = ownOptionsOf(Class);
  const texts = new Map<NamedOption, string[]>();
  for (const { name, text } of given) {
    const found = findOption(name, known);
    if (found === undefined) throw new TypeError(noSuchOption(Class, name, known));
    texts.set(found, [...texts.get(found) ?? [], text]);
  }
  const values = await Promise.all([...texts].map(async ([{ name, option }, all]) => {
    const files = FILES[option.type];
    if (files !== undefined) return [name, await filesOf(all, name, option, files)];
    return [name, readOption(all, option, `--option ${roleKey(name)}`, `run ${Class.className}`)];
  }));
  return Object.fromEntries(values);
}

/** Files of images or audio, for an option that takes one or several. */
async function filesOf(
  files: readonly string[],
  name: string,
  { list }: CallOption,
  what: string,
): Promise<unknown> {
  await checkFiles({ [`option ${name}`]: files });
  if (files.length > 1 && list === undefined) {
    throw new TypeError(`Cannot take ${files.length} ${what} as --option ${name}: give one`);
  }
  const opened = await Promise.all(files.map(imageInput));
  return opened.length === 1 && list !== "required" ? opened[0] : opened;
}

function noSuchOption(
  Class: Pick<AnyClass, "className" | "options">,
  name: string,
  known: ReadonlyMap<string, NamedOption>,
): string {
  const start = `Cannot give --option ${name} to ${Class.className}`;
  const declared = findOption(name, namedOptions(Class));
  const flag = declared && flagOf(declared.name, Class);
  if (flag !== undefined) return `${start}: it is given as --${flag}`;
  if (declared !== undefined) {
    return `${start}: a command line has no such values; call the pipeline`;
  }
  const names = [...known.keys()].sort();
  const near = meant(name.replaceAll("-", "_"), names);
  return `${start}: it has no such option; ` +
    (near === undefined ? "" : `did you mean ${near}? `) +
    (names.length === 0 ? "it has none" : `it has ${names.join(", ")}`);
}

/** The flag by which an option is given that has one. */
function flagOf(name: string, Class: Pick<AnyClass, "options">): string | undefined {
  if (name === countOption(Class)) return "count";
  return name === lengthOption(Class) ? "length" : FLAGS[name];
}

/** The names that `--option` takes for a pipeline, as a line; undefined where there are none. */
export async function ownOptionsLine(
  className: string,
  registry: Registry,
): Promise<string | undefined> {
  if (!registry.has(className)) return undefined;
  const Class = await classNamed(className, registry);
  const names = [...ownOptionsOf(Class).keys()].sort();
  return names.length === 0 ? undefined : `--option NAME=VALUE takes ${names.join(", ")}`;
}
