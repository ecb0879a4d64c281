import type { Names } from "../names.ts";

/** The pipeline itself: a denoising loop that begins between the noise of two seeds. */
export function pipelineSource({ className, stem, packageName }: Names): string {
  return `/**
 * ${className}: images from noise between that of two seeds. With a and b the noise of the seeds and s the
 * share of the second one, a run begins at
 *
 *     x = cos(s·π/2)·a + sin(s·π/2)·b        of variance 1 again
 *
 * and goes on as DDPMPipeline does: a call of the UNet and a step of the scheduler, until no noise is left.
 *
 * @example
 * \`\`\`ts ignore
 * import { registry } from "jsr:@denoise/denoise";
 * import { ${className} } from "${packageName}";
 *
 * const pipe = await ${className}.using(registry).fromPretrained("denoise/ddpm-emoji");
 * const { images } = await pipe({ seed: 7, secondSeed: 8, share: 0.3 });
 * \`\`\`
 *
 * @module
 */
import {
  type CallOptions,
  definePipeline,
  Generator,
  type ImageOutput,
  type PipelineClass,
  type RunOptions,
  runOptions,
  type Scheduler,
} from "@denoise/core";
import { trainedImageSize } from "@denoise/diffusion";
import type { Denoiser } from "@denoise/roles";

/** What a {@linkcode ${className}} consists of. */
export interface ${stem}Components {
  /** A UNet2DModel. */
  readonly unet: Denoiser;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface ${stem}Options extends RunOptions {
  /** Denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** The other seed. Defaults to 1. */
  readonly secondSeed?: number | undefined;
  /** Share of the other seed's noise, 0..1. Defaults to 0.5. */
  readonly share?: number | undefined;
}

const options: CallOptions<${stem}Options> = {
  ...runOptions,
  numInferenceSteps: { type: "integer", minimum: 1 },
  secondSeed: { type: "integer", minimum: 0 },
  share: { type: "number", minimum: 0, maximum: 1 },
};

const defaults = { numInferenceSteps: 50, secondSeed: 1, share: 0.5 };

/** Images from noise between that of two seeds. */
export const ${className}: PipelineClass<
  ${stem}Components,
  [options?: ${stem}Options],
  ImageOutput
> = definePipeline<
  ${stem}Components,
  [options?: ${stem}Options],
  ImageOutput,
  typeof defaults
>({
  className: "${className}",
  task: "unconditional-image-generation",
  options,
  defaults,
  defaultSize: trainedImageSize,
  components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
  async *generate(run, { numInferenceSteps: total, seed = 0, secondSeed, share, signal }) {
    const { unet, scheduler } = run.components;
    const { height, width } = trainedImageSize(run.components);
    const noise = (from: number | bigint) =>
      Generator.manualSeed(from).randn([1, 3, height, width]);
    const [a, b] = [Math.cos(share * Math.PI / 2), Math.sin(share * Math.PI / 2)];
    let x = noise(seed).mul(a).add(noise(secondSeed).mul(b));
    const codec = await run.images();
    const decode = () => codec.fromTensor(x.div(2).add(0.5).clamp(0, 1));
    const generator = Generator.manualSeed(seed);
    scheduler.setTimesteps(total);
    for (const [index, timestep] of scheduler.timesteps.entries()) {
      signal?.throwIfAborted();
      const { sample } = await unet.forward(x, timestep);
      x = scheduler.step(sample, timestep, x, { generator }).prevSample;
      yield { index, total, timestep, latents: x, preview: () => Promise.resolve(decode()) };
    }
    return { images: decode() };
  },
});
`;
}

/** The tests: the conformance suite over a small model, and what the seeds mean. */
export function pipelineTests({ className }: Names): string {
  return `import { assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { registry } from "@denoise/denoise";
import { testPipeline } from "@denoise/testing";
import { ${className} } from "./mod.ts";

const Bound = ${className}.using(registry); // its loaders know the models of denoise
const folder = "denoise/ddpm-emoji";

testPipeline(Bound, {
  folder,
  args: (options) => [{ ...options, numInferenceSteps: 2 }],
  bytesOf: ({ images }) => images.map(({ data }) => data),
  refuses: [{ call: (pipe) => pipe({ share: 2 }), error: RangeError, message: "share" }],
});

describe("${className}", () => {
  it("goes from the noise of one seed to that of the other", async () => {
    const pipe = await Bound.fromPretrained(folder, { progress: false });
    const latents = async (share: number, secondSeed: number): Promise<number[]> => {
      const call = { seed: 1, secondSeed, share, numInferenceSteps: 2, progress: false };
      const { images } = await pipe(call);
      return [...images[0]!.data];
    };
    const alone = await latents(0, 2);
    assertEquals(await latents(0, 3), alone);
    assertNotEquals(await latents(0.5, 2), alone);
    assertNotEquals(await latents(0.5, 3), await latents(0.5, 2));
    await pipe.dispose();
  });
});
`;
}
