/**
 * Marigold against what diffusers predicts of the same repos and photos.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Generator, type JsonObject, Tensor } from "@denoise/core";
import { registry } from "@denoise/denoise";
import { ensembleDepth, type MarigoldOutput } from "@denoise/marigold";
import {
  assertWithin,
  camelCase,
  camelKeys,
  type Golden,
  largest,
  readGolden,
  relativeDifference,
} from "./support/golden.ts";
import { pixelDifference, swapScheduler } from "./support/pipelines.ts";
import {
  loadTask,
  type Task,
  type TaskCall,
  type TaskValue,
  taskValue,
  thinned,
} from "./support/tasks.ts";

interface MarigoldCase extends Omit<TaskCall, "images"> {
  readonly images: string;
  readonly prediction: string;
  readonly latent: string;
  readonly uncertainty?: string;
}

interface MarigoldTask extends Omit<Task, "cases"> {
  readonly settings: JsonObject;
  readonly cases: readonly MarigoldCase[];
}

/** A Marigold pipeline, whatever its class. */
interface Loaded {
  (options: object): Promise<MarigoldOutput>;
  readonly components: object;
  scheduler: unknown;
  dispose(): Promise<void>;
}

/** The pipeline of a golden, with what its repo would say in model_index.json. */
async function load(task: MarigoldTask): Promise<Loaded> {
  const pipe = await loadTask(task as unknown as Task);
  const Class = await registry.get(task.pipeline, "pipeline", "a test") as unknown as {
    using(bound: typeof registry): new (parts: object, settings: JsonObject) => Loaded;
  };
  return new (Class.using(registry))(pipe.components, task.settings);
}

// A random UNet multiplies differences of single operations; see pipelines_test.ts.
const LATENTS = 1e-3;
// of normals near zero length, whose direction rounding turns
const PREDICTION = 2e-3;

for (const name of ["depth", "normals", "normals-front", "intrinsics"]) {
  const golden: Golden<MarigoldTask> = await readGolden(`marigold/${name}`);
  const { head, tensors } = golden;
  const given = (value: TaskValue): unknown => {
    const isPlain = typeof value === "object" && value !== null && "reduction" in value;
    return isPlain ? value : taskValue(value, tensors as never);
  };
  describe(`${head.pipeline}, ${name}, predicts what diffusers predicts`, () => {
    let pipe: Loaded;
    let own: unknown;
    beforeAll(async () => {
      pipe = await load(head);
      own = pipe.scheduler;
    });
    afterAll(() => pipe.dispose());

    for (const one of head.cases) {
      it(one.name, async () => {
        pipe.scheduler = own;
        await swapScheduler(pipe as never, { ...one, call: {} } as never, registry);
        const generators = one.seeds.map((seed) => new Generator(seed));
        const call = Object.entries(one.call).map(([key, value]) =>
          [camelCase(key), given(value)] as const
        );
        const { images, prediction, latent, uncertainty } = await pipe({
          ...Object.fromEntries(call),
          generator: one.shared ? generators[0] : generators,
          outputLatent: true,
        });
        assertWithin(relativeDifference(latent!, tensors.get(one.latent)!), LATENTS, "latents");
        const wanted = tensors.get(one.prediction)!;
        const apart = relativeDifference(thinned(prediction, head.every), wanted);
        assertWithin(apart, PREDICTION, "prediction");
        assertWithin(
          pixelDifference({ images }, tensors.get(one.images)!, head.every),
          1,
          "pixels",
        );
        if (one.uncertainty === undefined) return assertEquals(uncertainty, undefined);
        const unsure = relativeDifference(
          thinned(uncertainty!, head.every),
          tensors.get(one.uncertainty)!,
        );
        assertWithin(unsure, PREDICTION, "uncertainty");
      });
    }
  });
}

interface Alignment {
  readonly cases: readonly {
    readonly options: Readonly<Record<string, unknown>>;
    readonly depth: string;
    readonly prediction: string;
    readonly uncertainty: string;
    /** How far the reference's depth and uncertainty move when depths change by 1e-7. */
    readonly moved: readonly [number, number];
  }[];
}

describe("ensembleDepth()", () => {
  it("brings maps that differ by scale and shift alone to one", () => {
    const map = Tensor.from(Float32Array.from({ length: 60 }, (_, i) => (1 + Math.sin(i * i)) / 2));
    const rows = [[1, 0], [0.5, 0.2], [0.7, 0.1]].map(([scale, shift]) =>
      map.mul(scale!).add(shift!)
    );
    const depth = Tensor.cat(rows.map((row) => row.reshape([1, 1, 6, 10])));
    const { prediction, uncertainty } = ensembleDepth(depth, {});
    const [low, high] = [map.min().item(), map.max().item()];
    const wanted = map.sub(low).div(high - low).reshape([1, 1, 6, 10]);
    assertWithin(relativeDifference(prediction, wanted), 1e-5, "depth");
    assertWithin(uncertainty.max().item(), 1e-5, "uncertainty");
  });

  it("gives what diffusers gives, as far as that gives itself", async () => {
    const { head, tensors }: Golden<Alignment> = await readGolden("marigold/alignment");
    for (const { options, depth, prediction, uncertainty, moved } of head.cases) {
      const found = ensembleDepth(tensors.get(depth)!, camelKeys(options));
      const [ofDepth, ofUncertainty] = moved.map((far) => Math.max(1e-5, 2 * far));
      const title = JSON.stringify(options);
      assertWithin(largest(found.prediction, tensors.get(prediction)!), ofDepth!, `${title} depth`);
      const unsure = largest(found.uncertainty, tensors.get(uncertainty)!);
      assertWithin(unsure, ofUncertainty!, `${title} uncertainty`);
    }
  });
});

describe("a Marigold pipeline", () => {
  it("ensembles depth over the whole range, and refuses what cannot be", async () => {
    const { head } = await readGolden<MarigoldTask>("marigold/depth");
    const pipe = await load(head);
    const image = Tensor.from(Float32Array.from({ length: 3 * 24 * 32 }, (_, i) => i % 97 / 97))
      .reshape([1, 3, 24, 32]);
    const call = { image, numInferenceSteps: 1, processingResolution: 0, seed: 3 };
    const { images, prediction, uncertainty } = await pipe({
      ...call,
      ensembleSize: 3,
      outputUncertainty: true,
    });
    assertEquals(prediction.dims, [1, 1, 24, 32]);
    assertEquals([prediction.min().item(), prediction.max().item()], [0, 1]);
    assert(uncertainty!.min().item() >= 0 && uncertainty!.max().item() > 0);
    assertEquals(images.map(({ width, height }) => [width, height]), [[32, 24]]);
    await assertRejects(() => pipe({ ...call, outputUncertainty: true }), RangeError, "2 or more");
    await assertRejects(
      () => pipe({ ...call, processingResolution: 30 }),
      RangeError,
      "it must be a multiple of",
    );
    await assertRejects(
      () => pipe({ image, numInferenceSteps: 1 }),
      RangeError,
      "model_index.json has no default_processing_resolution",
    );
    await assertRejects(
      () => pipe({ ...call, ensemblingKwargs: { reduction: "most" } }),
      RangeError,
      "reduction",
    );
    await pipe.dispose();
  });
});
