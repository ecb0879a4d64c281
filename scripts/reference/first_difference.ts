/**
 * `deno task difference REPO`: the first layer of a pipeline that gives other numbers than it does in diffusers.
 * Both sides make a short call with the same seed; what each layer of the reference gives (by forward hooks) is held
 * against the values of the same path in our graph, in the order in which the reference computes. A layer
 * that our graph folds into its neighbour has no value of its own, or another one; a fault goes on behind
 * the layer that makes it.
 *
 *     deno task difference ./stable-diffusion-v1-5 --prompt "a cat" --size 64
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type AnyCallOptions, DiffusionPipeline, type Tensor } from "@denoise/denoise";
import { inlineEngine, type Observation, observingEngine } from "@denoise/onnx";
import { parseTensors } from "../../tests/support/golden.ts";
import { referenceLines } from "./python.ts";

const USAGE = `usage: deno task difference FOLDER [options]

  --prompt TEXT      what is drawn, by pipelines that take a prompt ["a red apple"]
  --seed N           what the noise is drawn from [0]
  --steps N          denoising steps [1]
  --size N           height and width in pixels, of models that take them; every value of every layer is kept [128]
  --ours FOLDER      the repo that our side loads, such as a converted one [FOLDER]
  --tolerance X      how far a value may be off, by the largest of the layer's values [0.001]
  --all              print every layer, not only the first beyond the tolerance`;

/** A layer of the reference. */
interface Module {
  readonly key: string;
  readonly role: string;
  readonly model: string;
  readonly path: string;
}

/** A layer, and how far apart the sides are; undefined where our graph has no value of its kind. */
export interface Compared extends Module {
  /** Largest difference over the largest value of the reference. */
  readonly difference: number | undefined;
}

/** How both sides are called. */
export interface DifferenceOptions {
  readonly prompt?: string | undefined;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly size?: number | undefined;
  readonly ours?: string | undefined;
}

/** Latents of 16x16 of most models: small, and more than one token in the middle of a UNet. */
const SIZE = 128;

/** The values of our models by class and path, the last of a path first; only their first runs. */
function byPath(observations: readonly Observation[]): Map<string, Tensor[]>[] {
  const seen = new Set<number>();
  return observations.filter(({ number }) => !seen.has(number) && seen.add(number)).map(
    ({ session, values }) => {
      const found = new Map<string, Tensor[]>();
      for (const [node, tensor] of values) {
        const path = node.slice(0, node.lastIndexOf("/"));
        const key = `${session.split(".")[0]} ${path}`;
        found.set(key, [tensor, ...found.get(key) ?? []]);
      }
      return found;
    },
  );
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** How far apart two values are, with axes in another order where their sizes differ. */
function distance(ours: Tensor, theirs: Tensor): number | undefined {
  if (ours.size !== theirs.size) return undefined;
  let [a, b] = [ours.toFloat32Array(), theirs.toFloat32Array()];
  const squeezed = (dims: readonly number[]) => dims.filter((dim) => dim !== 1).join();
  if (squeezed(ours.dims) !== squeezed(theirs.dims)) [a, b] = [a.toSorted(), b.toSorted()];
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= most)) most = difference;
  }
  return most / (largest(b) || 1);
}

/** Calls both sides, and compares layer after layer. */
export async function differences(
  folder: string,
  { prompt = "a red apple", seed = 0, steps = 1, size = SIZE, ours = folder }: DifferenceOptions =
    {},
): Promise<Compared[]> {
  const temp = await Deno.makeTempDir();
  try {
    const file = `${temp}/modules.safetensors`;
    const args = [folder, file, prompt, `${seed}`, `${steps}`, `${size}`];
    const [line] = await Array.fromAsync(
      referenceLines<{ call: string[]; modules: Module[] }>("first_difference.py", args),
    );
    const { call, modules } = line!;
    const theirs = parseTensors(await Deno.readFile(file));

    const observations: Observation[] = [];
    const engine = observingEngine(inlineEngine(), (one) => void observations.push(one));
    const pipe = await DiffusionPipeline.fromPretrained(ours, { engine, progress: false });
    const options: AnyCallOptions = {
      ...{ seed, numInferenceSteps: steps, progress: false },
      ...(call.includes("guidance_scale") ? { guidanceScale: 1 } : {}),
      ...(call.includes("height") ? { height: size, width: size } : {}),
      ...(call.includes("use_resolution_binning") ? { useResolutionBinning: false } : {}),
      ...(call.includes("max_area") ? { maxArea: size ** 2 } : {}),
    };
    await (call.includes("prompt") ? pipe(prompt, options) : pipe(options));
    await pipe.dispose();

    const models = byPath(observations);
    const candidates = ({ model, path }: Module) => {
      const names = [path, `text_model.${path}`, path.replace(/^text_model\./, "")];
      return names.flatMap((name) =>
        models.flatMap((values) => values.get(`${model} ${name}`) ?? [])
      );
    };
    return modules.map((module) => {
      // the bias may be added elsewhere: where a sum and a norm follow, by the operator of both
      const expected = [module.key, `${module.key} without bias`].flatMap((key) =>
        theirs.get(key) ?? []
      );
      const found = candidates(module)
        .flatMap((tensor) => expected.map((value) => distance(tensor, value)))
        .filter((value) => value !== undefined);
      return { ...module, difference: found.length === 0 ? undefined : Math.min(...found) };
    });
  } finally {
    await Deno.remove(temp, { recursive: true });
  }
}

/** How many of the layers that follow say whether a difference goes on. */
const FOLLOWING = 8;

/** The first layer from which on most are beyond a tolerance. */
export function firstBeyond(
  compared: readonly Compared[],
  tolerance: number,
): Compared | undefined {
  const known = compared.filter(({ difference }) => difference !== undefined);
  const isBeyond = ({ difference }: Compared) => !(difference! <= tolerance);
  return known.find((one, i) => {
    const next = known.slice(i, i + FOLLOWING).filter(({ role }) => role === one.role);
    return isBeyond(one) && next.filter(isBeyond).length > next.length / 2;
  });
}

function describe({ role, path, difference }: Compared): string {
  const far = difference === undefined ? "no value" : difference.toExponential(1);
  return `${far.padStart(8)}  ${role} ${path}`;
}

async function main(): Promise<number> {
  const { values: flags, positionals: [folder] } = parseArgs({
    allowPositionals: true,
    options: {
      ...{ prompt: { type: "string" }, seed: { type: "string" }, steps: { type: "string" } },
      ...{ size: { type: "string" }, ours: { type: "string" }, tolerance: { type: "string" } },
      ...{ all: { type: "boolean" }, help: { type: "boolean" } },
    } as const,
  });
  if (flags.help || folder === undefined) {
    console.log(USAGE);
    return flags.help ? 0 : 2;
  }
  const number = (text: string | undefined) => text === undefined ? undefined : Number(text);
  const { prompt, ours, tolerance = "0.001" } = flags;
  const [seed, steps, size] = [number(flags.seed), number(flags.steps), number(flags.size)];
  const compared = await differences(folder, { prompt, ours, seed, steps, size });
  const known = compared.filter(({ difference }) => difference !== undefined);
  if (flags.all) { for (const one of compared) console.log(describe(one)); }
  const first = firstBeyond(compared, Number(tolerance));
  console.log(`${known.length} of ${compared.length} layers compared`);
  if (first === undefined) {
    console.log(`none differs by more than ${tolerance}`);
    return 0;
  }
  console.log(`the first that differs by more than ${tolerance}: ${describe(first).trim()}`);
  return 1;
}

if (import.meta.main) Deno.exit(await main());
