/**
 * Marigold against what diffusers predicts of the same repos and photos.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Tensor } from "@denoise/core";
import { ensembleDepth } from "@denoise/marigold";
import {
  assertWithin,
  camelKeys,
  type Golden,
  largest,
  readGolden,
  relativeDifference,
} from "./support/golden.ts";
import {
  compareMarigold,
  LATENTS,
  type LoadedMarigold,
  loadMarigold,
  type MarigoldTask,
  PREDICTION,
} from "./support/marigold.ts";

for (const name of ["depth", "normals", "normals-front", "intrinsics"]) {
  const golden: Golden<MarigoldTask> = await readGolden(`marigold/${name}`);
  const { head } = golden;
  describe(`${head.pipeline}, ${name}, predicts what diffusers predicts`, () => {
    let pipe: LoadedMarigold;
    let own: unknown;
    beforeAll(async () => {
      pipe = await loadMarigold(head);
      own = pipe.scheduler;
    });
    afterAll(() => pipe.dispose());

    for (const one of head.cases) {
      it(one.name, async () => {
        pipe.scheduler = own;
        const { latents, prediction, pixels, uncertainty } = await compareMarigold(
          pipe,
          one,
          golden,
        );
        assertWithin(latents, LATENTS, "latents");
        assertWithin(prediction, PREDICTION, "prediction");
        assertWithin(pixels, 1, "pixels");
        assertWithin(uncertainty, PREDICTION, "uncertainty");
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
    const pipe = await loadMarigold(head);
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
