/**
 * The loop that runs a model of Karras et al.'s formulation (EDM), for which diffusers has schedulers but
 * no pipeline, against the same loop in Python.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { configValue, randnTensor, type SchedulerClass, Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import { Generator, registry, UNet2DModel } from "@denoise/denoise";
import {
  assertWithin,
  camelKeys,
  fixture,
  readGolden,
  relativeDifference,
} from "./support/golden.ts";

interface Run {
  readonly name: string;
  readonly class_name: string;
  readonly config: object;
  readonly step: Record<string, unknown>;
  readonly unet: string;
  readonly seed: number;
  readonly steps: number;
  readonly class_labels: number[] | null;
  readonly sample: string;
}

// Models agree within 1e-6 of their largest number; eight steps of random models multiply that.
const LIMIT = 1e-4;

async function run(unet: Denoiser, one: Run): Promise<Tensor> {
  const Class = await registry.get(one.class_name, "scheduler", "a test") as SchedulerClass;
  const scheduler = new Class(one.config);
  const generator = new Generator(one.seed);
  const classLabels = one.class_labels === null ? undefined : Tensor.from(one.class_labels);
  scheduler.setTimesteps(one.steps);
  const size = configValue(unet.config, "sample_size") as number;
  let sample = randnTensor([2, 3, size, size], generator).mul(scheduler.initNoiseSigma);
  for (const t of scheduler.timesteps) {
    const input = scheduler.scaleModelInput(sample, t);
    const output = (await unet.forward(input, t, { classLabels })).sample;
    const options = { ...camelKeys(one.step), generator };
    sample = scheduler.step(output, t, sample, options).prevSample;
  }
  return sample;
}

const golden = await readGolden<{ readonly cases: readonly Run[] }>("edm");
describe("an EDM loop with a UNet2DModel equals that of diffusers", () => {
  for (const one of golden.head.cases) {
    it(`${one.class_name}, ${one.name}`, async () => {
      const unet = await UNet2DModel.fromPretrained(fixture(`models/UNet2DModel/${one.unet}`));
      const expected = golden.tensors.get(one.sample)!;
      assertWithin(relativeDifference(await run(unet, one), expected), LIMIT, "sample");
      await unet.dispose();
    });
  }
});
