/**
 * Measures the embedded model with the project's own pipeline, fixed seeds:
 *
 *     deno run -A scripts/embedded/evaluate.ts [--model FOLDER] [--guidance SCALE] [--steps N] [--scheduler NAME]
 *       [--only names,everyday,coloured,counted,together,grounds,seeds,unknown] [--out FILE]
 *
 * Without guidance, steps or scheduler it takes the model's own.
 *
 * An image is right when, of all drawings of all that is taught, one of what it was asked for is the nearest: by the
 * distance of RGB means of 16 x 16 areas. What it is held against is put together as the training images are.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Image, SchedulerClass } from "@denoise/core";
import { StableDiffusionPipeline } from "../../mod.ts";
import { registry } from "../../plugins/registry.ts";
import colours from "./colours.json" with { type: "json" };
import { type Concept, concepts } from "./concepts.ts";
import type { Drawing } from "./drawings.ts";
import evaluation from "./evaluation.json" with { type: "json" };
import {
  areaMeans,
  distance,
  gradientEnergy,
  nearestColour,
  rowColour,
  spread,
} from "./likeness.ts";
import { crop, drawingsOf, recoloured, several, SIZE } from "./scene.ts";

/** What an image is held against: what it shows, and how it looks. */
interface Candidate {
  readonly shows: string;
  readonly look: Float32Array;
}

const AREAS = 16;
const BATCH = 10;
const UNKNOWN = "red question mark";
const { values } = parseArgs({
  options: {
    model: { type: "string" },
    guidance: { type: "string" },
    steps: { type: "string" },
    scheduler: { type: "string" },
    seed: { type: "string", default: "1000" },
    only: { type: "string" },
    out: { type: "string" },
  },
});

const palette: Readonly<Record<string, number[]>> = colours;
const objects: Readonly<Record<string, string[]>> = evaluation.objects;
const taught = concepts().map(taughtOf);
const looks = new Map<string, readonly Candidate[]>();
const pipeline = await StableDiffusionPipeline.fromPretrained(
  values.model ?? new URL("../../plugins/embedded/emoji/", import.meta.url),
);
if (values.scheduler !== undefined) {
  const Scheduler = await registry.get(values.scheduler, "scheduler") as SchedulerClass;
  pipeline.scheduler = Scheduler.fromConfig(pipeline.scheduler.config);
}
const measures: Readonly<Record<string, () => Promise<unknown>>> = {
  names: nameMeasure,
  everyday: everydayMeasure,
  coloured: colouredMeasure,
  counted: countedMeasure,
  together: togetherMeasure,
  grounds: groundMeasure,
  seeds: seedMeasure,
  unknown: unknownMeasure,
};
const settings = {
  ...(values.guidance === undefined ? {} : { guidanceScale: Number(values.guidance) }),
  ...(values.steps === undefined ? {} : { numInferenceSteps: Number(values.steps) }),
};
const report: Record<string, unknown> = { ...settings, scheduler: pipeline.scheduler.className };
for (const name of values.only?.split(",") ?? Object.keys(measures)) {
  report[name] = await measures[name]!();
  console.log(name, JSON.stringify(report[name]));
}
if (values.out !== undefined) {
  await Deno.writeTextFile(values.out, JSON.stringify(report, undefined, 1) + "\n");
}

/** Image i of the prompts from seed SEED + i: RGB in 0..1. */
async function draw(
  prompts: readonly string[],
  seed = Number(values.seed),
): Promise<Float32Array[]> {
  const made: Float32Array[] = [];
  for (let start = 0; start < prompts.length; start += BATCH) {
    const { images } = await pipeline(prompts.slice(start, start + BATCH), {
      ...settings,
      seed: seed + start,
    });
    made.push(
      ...images.map((image: Image) => Float32Array.from(image.data, (value) => value / 255)),
    );
  }
  return made;
}

function look(rgb: Float32Array, size = SIZE): Float32Array {
  return areaMeans(rgb, size, AREAS);
}

/** A concept and its drawings, which are drawn when they are first asked for. */
function taughtOf(concept: Concept) {
  let drawings: Drawing[] | undefined;
  return {
    concept,
    get drawings(): readonly Drawing[] {
      return drawings ??= drawingsOf(concept);
    },
  };
}

/** Every drawing of every concept, as `change` shows it; made once for each `kind`. */
function candidates(
  kind: string,
  change: (drawing: Drawing) => Float32Array,
  size = SIZE,
): readonly Candidate[] {
  const known = looks.get(kind) ??
    taught.flatMap(({ concept, drawings }) =>
      drawings.map((drawing) => ({ shows: concept.name, look: look(change(drawing), size) }))
    );
  looks.set(kind, known);
  return known;
}

/** What the nearest candidates show, the nearest first, each once. */
function nearest(rgb: Float32Array, known: readonly Candidate[], size = SIZE): string[] {
  const made = look(rgb, size);
  const sorted = known.map(({ shows, look }) => ({ shows, far: distance(made, look) }))
    .sort((a, b) => a.far - b.far);
  return [...new Set(sorted.slice(0, 40).map(({ shows }) => shows))];
}

function share(right: readonly boolean[]): number {
  return Math.round(right.filter((is) => is).length / right.length * 1000) / 1000;
}

function wrongOnes(
  prompts: readonly string[],
  right: readonly boolean[],
  found: readonly string[],
) {
  return prompts.flatMap((prompt, i) => right[i] ? [] : [`${prompt}: ${found[i]}`]);
}

/** 200 names, spread over all that is taught: is it a drawing of that name, and how sharp is it? */
async function nameMeasure() {
  const names = Array.from(
    { length: 200 },
    (_, i) => taught[Math.floor(i * taught.length / 200)]!.concept.name,
  );
  const all = candidates("alone", (drawing) => several(drawing, 1));
  const images = await draw(names);
  const places = images.map((image, i) => nearest(image, all).indexOf(names[i]!));
  const found = images.map((image) => nearest(image, all)[0]!);
  const energies = images.map((image, i) => {
    const own = taught.find(({ concept }) => concept.name === names[i])!.drawings
      .map((drawing) => several(drawing, 1));
    const like = own.reduce((a, b) => distance(image, a) < distance(image, b) ? a : b);
    return gradientEnergy(image, SIZE) / gradientEnergy(like, SIZE);
  });
  const right = places.map((place) => place === 0);
  const middle = [...energies].sort((a, b) => a - b)[Math.floor(energies.length / 2)]!;
  return {
    images: names.length,
    top1: share(right),
    top5: share(places.map((place) => place >= 0 && place < 5)),
    sharpness: Math.round(middle * 1000) / 1000,
    wrong: wrongOnes(names, right, found),
  };
}

/** Words that people use: is it one of the things that are called so? */
async function everydayMeasure() {
  const asked = Object.entries(evaluation.everyday as Readonly<Record<string, string[]>>);
  const all = candidates("alone", (drawing) => several(drawing, 1));
  const images = await draw(asked.map(([prompt]) => prompt));
  const found = images.map((image) => nearest(image, all)[0]!);
  const right = found.map((shows, i) => asked[i]![1].includes(shows));
  return {
    images: asked.length,
    top1: share(right),
    wrong: wrongOnes(asked.map(([p]) => p), right, found),
  };
}

function meant(word: string): readonly string[] {
  return objects[word] ?? [word];
}

/** Objects in a colour: against all objects in that colour, and that object in all colours. */
async function colouredMeasure() {
  const asked = evaluation.coloured as [string, string][];
  const prompts = asked.map(([colour, object]) => `${colour} ${object}`);
  const images = await draw(prompts);
  const found = images.map((image, i) => {
    const [colour, object] = asked[i]!;
    const known = candidates(
      colour!,
      (drawing) => several(recoloured(drawing, palette[colour]!), 1),
    ).map((one) => ({ ...one, shows: `${colour} ${one.shows}` }));
    for (
      const { concept, drawings } of taught.filter((t) => meant(object).includes(t.concept.name))
    ) {
      for (const [other, rgb] of Object.entries(palette)) {
        for (const drawing of drawings) {
          known.push({
            shows: `${other} ${concept.name}`,
            look: look(several(recoloured(drawing, rgb), 1)),
          });
        }
      }
    }
    return nearest(image, known)[0]!;
  });
  const right = found.map((shows, i) =>
    meant(asked[i]![1]).some((name) => shows === `${asked[i]![0]} ${name}`)
  );
  return { images: prompts.length, top1: share(right), wrong: wrongOnes(prompts, right, found) };
}

/** So many of a thing: against as many of all things, and that thing in other numbers. */
async function countedMeasure() {
  const asked = evaluation.counted as [number, string][];
  const words = ["", "one", "two", "three", "four", "five", "six"];
  const prompts = asked.map(([count, object]) => `${words[count]} ${plural(object)}`);
  const images = await draw(prompts);
  const found = images.map((image, i) => {
    const [count, object] = asked[i]!;
    const known = candidates(`${count}`, (drawing) => several(drawing, count)).map((one) => ({
      ...one,
      shows: `${count} ${one.shows}`,
    }));
    for (
      const { concept, drawings } of taught.filter((t) => meant(object).includes(t.concept.name))
    ) {
      for (const other of [1, 2, 3, 4, 5, 6].filter((other) => other !== count)) {
        for (const drawing of drawings) {
          known.push({ shows: `${other} ${concept.name}`, look: look(several(drawing, other)) });
        }
      }
    }
    return nearest(image, known)[0]!;
  });
  const right = found.map((shows, i) =>
    meant(asked[i]![1]).some((name) => shows === `${asked[i]![0]} ${name}`)
  );
  return { images: prompts.length, top1: share(right), wrong: wrongOnes(prompts, right, found) };
}

function plural(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

/** Two things: the left one against all on the left, the right one against all on the right. */
async function togetherMeasure() {
  const asked = evaluation.together as [string, string][];
  const prompts = asked.map(([a, b]) => `${a} and ${b}`);
  const known = candidates(
    "half",
    (drawing) => crop(several(drawing, 2), 2, 32, 64),
    64,
  );
  const images = await draw(prompts);
  const halves = images.map((image) =>
    [2, 62].map((left) => nearest(crop(image, left, 32, 64), known, 64)[0]!)
  );
  const both = halves.map((found, i) =>
    found.every((shows, side) => meant(asked[i]![side]!).includes(shows))
  );
  const one = halves.map((found, i) =>
    found.some((shows, side) => meant(asked[i]![side]!).includes(shows))
  );
  const told = halves.map((found) => found.join(" and "));
  return {
    images: prompts.length,
    top1: share(both),
    oneOfTwo: share(one),
    wrong: wrongOnes(prompts, both, told),
  };
}

/** Plain grounds of all colours, gradients and stripes behind an object. */
async function groundMeasure() {
  const names = Object.keys(palette);
  const things = ["cat", "rocket", "pizza"];
  const plain = names.flatMap((colour) => things.map((thing) => [thing, colour] as const));
  const pairs = names.map((first, i) =>
    [things[i % 3]!, first, names[(i + 5) % names.length]!] as const
  );
  const said = (colour: string) => `${/^[aeiou]/.test(colour) ? "an" : "a"} ${colour}`;
  const images = await draw(
    plain.map(([thing, colour]) => `${thing} on ${said(colour)} background`),
  );
  const isPlain = images.map((image, i) =>
    [0, SIZE - 2].every((row) =>
      nearestColour(rowColour(image, SIZE, row), palette) === plain[i]![1]
    )
  );
  const fading = await draw(
    pairs.map(([thing, a, b]) => `${thing} on ${said(a)} to ${b} gradient`),
  );
  const isGradient = fading.map((image, i) =>
    nearestColour(rowColour(image, SIZE, 0), palette) === pairs[i]![1] &&
    nearestColour(rowColour(image, SIZE, SIZE - 2), palette) === pairs[i]![2]
  );
  const striped = await draw(
    pairs.map(([thing, a, b]) => `${thing} on ${said(a)} and ${b} striped background`),
  );
  const isStriped = striped.map((image, i) =>
    [0, 1, 2, 3, 4, 5, 6, 7].every((stripe) => {
      const part = crop(image, stripe * 16 + 5, 0, 6);
      return nearestColour(rowColour(part, 6, 0), palette) === pairs[i]![1 + stripe % 2];
    })
  );
  return { plain: share(isPlain), gradient: share(isGradient), striped: share(isStriped) };
}

/** How far 8 seeds of a name are apart, next to the drawings of that name. */
async function seedMeasure() {
  const some = Array.from(
    { length: 24 },
    (_, i) => taught[Math.floor((i + 0.5) * taught.length / 24)]!,
  );
  let made = 0, drawn = 0;
  for (const { concept, drawings } of some) {
    made += spread(await draw(new Array(8).fill(concept.name)));
    drawn += spread(drawings.map((drawing) => several(drawing, 1)));
  }
  return { names: some.length, seeds: 8, ofDrawings: Math.round(made / drawn * 1000) / 1000 };
}

/** What no word of is known is a question mark. */
async function unknownMeasure() {
  const all = candidates("alone", (drawing) => several(drawing, 1));
  const images = await draw(evaluation.unknown);
  const found = images.map((image) => nearest(image, all)[0]!);
  const right = found.map((shows) => shows === UNKNOWN);
  return {
    images: images.length,
    questionMark: share(right),
    wrong: wrongOnes(evaluation.unknown, right, found),
  };
}
