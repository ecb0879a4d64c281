import { type CallOption, checkOptions } from "@denoise/core";
import { findOption, readOption } from "@denoise/loading";
import { invalid } from "../contract/errors.ts";
import type { JobInput, Task } from "../contract/job.ts";
import type { Limits } from "../contract/limits.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import { type PlainValue, WITHOUT_VALUE } from "../contract/own_options.ts";
import type { Store } from "../storage/store.ts";
import { unknownFields } from "./field_rules.ts";
import { givenFile } from "./given_file.ts";

/** Fields of a request that its door has no rule for, by their names in the body. */
export interface OtherFields {
  /** As they were sent. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whether they come from a form, which has texts alone. */
  readonly areTexts?: boolean | undefined;
}

/** What of a request was meant for the model's pipeline alone. */
export interface OwnOptions {
  /** By the names that calls have for them; what there is none of is undefined. */
  readonly given: Pick<JobInput, "options" | "clips" | "pictures">;
  /** What was left aside. */
  readonly warnings: readonly string[];
}

/**
 * Takes as options of the model's pipeline what has the name of one, in snake_case or camelCase, within the server's
 * limits; what has no such name is left aside with a warning.
 *
 * @throws {ServeError} `invalid_input` for what is not of the type, beyond the limits, or cannot be sent.
 */
export async function settleOwnOptions(
  { fields, areTexts }: OtherFields,
  model: ModelInfo,
  task: Task,
  count: number,
  limits: Limits,
  store: Store,
): Promise<OwnOptions> {
  const known = new Map(Object.entries(model.options ?? {}));
  const options: Record<string, PlainValue> = {};
  const clips: Record<string, Uint8Array> = {};
  const pictures: Record<string, readonly Uint8Array[]> = {};
  const others: string[] = [];
  for (const [path, value] of Object.entries(fields)) {
    const own = findOption(path.replace(/^.*\./, ""), known);
    if (own === undefined) {
      others.push(path);
      continue;
    }
    if (own.tasks?.includes(task) === false) {
      throw invalid(
        path,
        `${path} must be left out: ${model.id} has it for ${own.tasks.join(", ")}`,
      );
    }
    if (own.option.type === "audio") {
      clips[own.name] = await givenFile(value, path, store, "audio");
      continue;
    }
    if (own.option.type === "image") {
      refuseImagePrompt(own.name, path, model);
      pictures[own.name] = await givenPictures(value, path, own.option, store, areTexts);
      continue;
    }
    const most = mostOf(own.option, count, limits);
    const option = bounded(own.option, most, path, model);
    const taken = read(value, option, path, model, areTexts);
    checkSize(taken, path, most ?? limits.maxSteps, limits.maxPromptBytes);
    options[own.name] = taken;
  }
  return {
    given: {
      options: unlessEmpty(options),
      clips: unlessEmpty(clips),
      pictures: unlessEmpty(pictures),
    },
    warnings: unknownFields(others),
  };
}

function unlessEmpty<T extends object>(record: T): T | undefined {
  return Object.keys(record).length === 0 ? undefined : record;
}

/** What IP-Adapters follow: a server loads none. */
function refuseImagePrompt(name: string, path: string, { id }: ModelInfo): void {
  if (!/^(negative)?ipAdapter/i.test(name)) return;
  throw invalid(path, `${path} must be left out: ${id} is served without an IP-Adapter`);
}

/** Images of one option at most. */
const MAX_PICTURES = 16;

/** The files of an option that takes an image, or a list of them; a form has the list as JSON. */
async function givenPictures(
  value: unknown,
  path: string,
  { list }: CallOption,
  store: Store,
  areTexts: boolean | undefined,
): Promise<readonly Uint8Array[]> {
  const given = areTexts && typeof value === "string" && value.startsWith("[")
    ? listIn(value, path)
    : value;
  const all = Array.isArray(given) ? given as readonly unknown[] : [given];
  const most = list === undefined ? 1 : MAX_PICTURES;
  if (all.length === 0 || all.length > most) {
    const wanted = most === 1 ? "one image" : `a list of 1 to ${most} images`;
    throw invalid(path, `${path} must be ${wanted}, but is a list of ${all.length}`);
  }
  return await Promise.all(all.map((one) => givenFile(one, path, store)));
}

function listIn(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(path, `${path} must be an image, or a list of images in JSON`);
  }
}

/** The most of an option, by what more of it costs; undefined where that is nothing. */
function mostOf(
  { cost = "none" }: CallOption,
  count: number,
  { maxSteps, maxImages }: Limits,
): number | undefined {
  if (cost === "none") return undefined;
  return cost === "steps" ? maxSteps : Math.max(1, Math.floor(maxImages / count));
}

/** The option with the server's limit. */
function bounded(
  option: CallOption,
  most: number | undefined,
  path: string,
  { id }: ModelInfo,
): CallOption {
  const { type, cost, maximum } = option;
  const without = WITHOUT_VALUE[type];
  if (without !== undefined) {
    throw invalid(
      path,
      `${path} must be left out: for ${id} it is ${without}, which no field holds`,
    );
  }
  const isOpen = type === "any" || type === "integer" && maximum === undefined;
  if (isOpen && cost === undefined) {
    throw invalid(
      path,
      `${path} must be left out: ${id} sets it no limit, so that no server takes it`,
    );
  }
  if (type !== "integer" || most === undefined) return option;
  return { ...option, maximum: Math.min(maximum ?? Infinity, most) };
}

/** A value as its option has it. */
function read(
  value: unknown,
  option: CallOption,
  path: string,
  { id }: ModelInfo,
  areTexts: boolean | undefined,
): PlainValue {
  try {
    if (areTexts && typeof value === "string") {
      return readOption([value], option, path, `run ${id}`) as PlainValue;
    }
    checkOptions(`run ${id}`, { [path]: value }, { [path]: option }, "some");
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw invalid(path, error.message);
  }
  return value as PlainValue;
}

/** Lists have a place for each step, or image; texts are cut into tokens, whose cost grows with their length. */
function checkSize(value: PlainValue, path: string, maxItems: number, maxBytes: number): void {
  if (Array.isArray(value) && value.length > maxItems) {
    throw invalid(path, `${path} can be a list of ${maxItems} at most`);
  }
  if (new TextEncoder().encode(JSON.stringify(value)).length > maxBytes) {
    throw invalid(path, `${path} must be of at most ${maxBytes} bytes`);
  }
  if (!String(value).isWellFormed()) throw invalid(path, `${path} must be valid Unicode text`);
}
