import type { CallOption } from "@denoise/core";
import { COUNTS, LENGTHS, type NamedOption, namedOptions } from "@denoise/loading";
import type { Task } from "./job.ts";

/** What an option of a pipeline can be given as in a request. */
export type PlainValue = string | number | boolean | null | readonly PlainValue[];

/** An option that the pipelines of a model have beside those that all requests know. */
export interface OwnOption extends NamedOption {
  /** The tasks that have it, where not all of the model's do. */
  readonly tasks?: readonly Task[] | undefined;
  /** How many a call makes where it leaves open an option that costs images. */
  readonly standard?: number | undefined;
}

/** Kinds of values that no field of a request holds. */
export const WITHOUT_VALUE: Partial<Record<CallOption["type"], string>> = {
  tensor: "a tensor",
  function: "a function",
  object: "an object of the program",
};

/** Options of calls that requests have fields for, or files. */
const FIELDS: readonly string[] = [
  ...["numInferenceSteps", "guidanceScale", "negativePrompt", "strength", "eta", "clipSkip"],
  ...["promptSyntax", "lyrics", "width", "height", "paddingMaskCrop", "image", "maskImage"],
  ...["controlImage", "controlMode", "controlnetConditioningScale", "adapterConditioningScale"],
  ...["controlGuidanceStart", "controlGuidanceEnd", "adapterConditioningFactor"],
  ...COUNTS,
  ...LENGTHS,
];

/**
 * What the classes of a model's tasks take by name, by diffusers' names.
 *
 * @param defaults What calls have for options that they leave out.
 */
export function ownOptionsOf(
  tasks: ReadonlyMap<Task, { readonly options: Readonly<Record<string, CallOption>> }>,
  defaults: object = {},
): Readonly<Record<string, OwnOption>> {
  const found = new Map<string, { readonly named: NamedOption; readonly tasks: Task[] }>();
  for (const [task, Class] of tasks) {
    for (const [key, named] of namedOptions(Class, FIELDS)) {
      const before = found.get(key);
      if (before === undefined) found.set(key, { named, tasks: [task] });
      else before.tasks.push(task);
    }
  }
  return Object.fromEntries(
    [...found].map(([key, { named, tasks: own }]) => {
      const standard = (defaults as Readonly<Record<string, unknown>>)[named.name];
      return [key, {
        ...named,
        ...own.length < tasks.size && { tasks: own },
        ...named.option.cost === "images" && typeof standard === "number" && { standard },
      }];
    }),
  );
}
