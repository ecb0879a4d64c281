/**
 * Step caches against diffusers' own hooks, at the same settings.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import {
  FirstBlockCacheConfig,
  FluxPipeline,
  FluxTransformer2DModel,
  SD3Transformer2DModel,
  TaylorSeerCacheConfig,
  UNet2DConditionModel,
} from "@denoise/denoise";
import { camelKeys, fixture, readGolden, relativeDifference } from "./support/golden.ts";

interface Case {
  readonly name: string;
  readonly model: string;
  readonly cache: "FirstBlockCacheConfig" | "TaylorSeerCacheConfig";
  readonly options: Record<string, unknown>;
  readonly steps: number;
}

const { head: { cases }, tensors } = await readGolden<{ cases: readonly Case[] }>("step_cache");
const configs = { FirstBlockCacheConfig, TaylorSeerCacheConfig };

describe("a step cache", () => {
  for (const { name, model: folder, cache, options, steps } of cases) {
    it(`gives what diffusers gives: ${name}`, async () => {
      const isFlux = folder.includes("Flux");
      const flux = isFlux
        ? await FluxTransformer2DModel.fromPretrained(fixture(folder))
        : undefined;
      const sd3 = isFlux ? undefined : await SD3Transformer2DModel.fromPretrained(fixture(folder));
      const model = (flux ?? sd3)!;
      const plain = {
        flux: flux && await FluxTransformer2DModel.fromPretrained(fixture(folder)),
        sd3: sd3 && await SD3Transformer2DModel.fromPretrained(fixture(folder)),
      };
      await model.enableCache(new configs[cache](camelKeys(options)));
      const get = (key: string) => tensors.get(`${name}/${key}`)!;
      const texts = [0, 1].map((i) => ({
        encoderHiddenStates: get(`encoder_hidden_states/${i}`),
        pooledProjections: get(`pooled_projections/${i}`),
      }));
      let [sample, most, skipped] = [get("sample"), 0, 0];
      for (let step = 0; step < steps; step++) {
        const time = Math.fround((isFlux ? 1 : 1000) * (1 - step / steps));
        for (const [i, text] of texts.entries()) {
          const { sample: found } = flux === undefined
            ? await sd3!.forward(sample, time, text)
            : await flux.forward(sample, time, fluxOptions(flux, text));
          const wanted = get(`output/${i}/${step}`);
          most = Math.max(most, relativeDifference(found, wanted));
          const { sample: whole } = flux === undefined
            ? await plain.sd3!.forward(sample, time, text)
            : await plain.flux!.forward(sample, time, fluxOptions(flux, text));
          if (relativeDifference(whole, wanted) > 1e-4) skipped++;
        }
        sample = get(`sample/${step}`);
      }
      // float32 sums in another order; factors of bfloat16 can round the other way, by 2^-9 of an attention
      assert(most < (usesBfloat16(cache, options) ? 2e-3 : 2e-5), `${most}`);
      assert(skipped > 0 && skipped < 2 * steps, `${skipped} of ${2 * steps} steps were not whole`);
      await Promise.all([model.dispose(), plain.flux?.dispose(), plain.sd3?.dispose()]);
    });
  }

  function usesBfloat16(cache: Case["cache"], options: Record<string, unknown>): boolean {
    return cache === "TaylorSeerCacheConfig" && options["taylor_factors_dtype"] !== "float32";
  }

  it("computes what it did before when it is disabled, and is refused twice", async () => {
    const pipe = await FluxPipeline.fromPretrained(fixture("tiny-flux-dev"));
    const call = {
      numInferenceSteps: 6,
      seed: 0,
      height: 32,
      width: 32,
      outputType: "tensor",
    } as const;
    const draw = async () => (await pipe("a cat", call)).tensor!.data;
    const whole = await draw();
    await pipe.transformer.enableCache(new FirstBlockCacheConfig({ threshold: 10 }));
    assertEquals(pipe.transformer.isCacheEnabled, true);
    const skipped = await draw();
    assert(skipped.some((value, i) => value !== whole[i]), "no step was skipped");
    assertEquals(await draw(), skipped); // a call begins anew
    await assertRejects(
      () => pipe.transformer.enableCache(new TaylorSeerCacheConfig()),
      DenoiseError,
      "Cannot cache the steps of FluxTransformer2DModel twice: call disableCache() first",
    );
    await pipe.transformer.disableCache();
    assertEquals(await draw(), whole);
    await pipe.transformer.enableCache(new FirstBlockCacheConfig({ threshold: 0 }));
    const zero = await draw(); // nothing is skipped, but the graph is in parts
    zero.forEach((value, i) => assert(Math.abs(Number(value) - Number(whole[i])) < 1e-5));
    await pipe.dispose();
  });

  it("is refused by models without such blocks, and of other kinds", async () => {
    const flux = await FluxTransformer2DModel.fromPretrained(fixture("tiny-flux-dev/transformer"));
    await assertRejects(() => flux.enableCache({ threshold: 1 }), RangeError, "FasterCache");
    const none = new TaylorSeerCacheConfig({ cacheIdentifiers: ["layers.*"] });
    await assertRejects(
      () => flux.enableCache(none),
      DenoiseError,
      "cacheIdentifiers fit none of",
    );
    const folder = fixture("tiny-stable-diffusion/unet");
    const unet = await UNet2DConditionModel.fromPretrained(folder);
    for (const config of [new FirstBlockCacheConfig(), new TaylorSeerCacheConfig()]) {
      const error = await assertRejects(() => unet.enableCache(config), DenoiseError);
      assert(
        error.message.startsWith(`Cannot use ${config.constructor.name} on UNet2D`),
        error.message,
      );
    }
    assertThrows(() => new FirstBlockCacheConfig({ threshold: -1 }), RangeError, "threshold must");
    assertThrows(
      () => new TaylorSeerCacheConfig({ cacheInterval: 0 }),
      RangeError,
      "cacheInterval",
    );
  });
});

/** Text states and pooled text. */
interface Text {
  readonly encoderHiddenStates: Tensor;
  readonly pooledProjections: Tensor;
}

/** What a call is given: places of 4 x 4 tokens and of 5 words, and guidance where it is known. */
function fluxOptions({ config }: FluxTransformer2DModel, text: Text) {
  const places = Array.from({ length: 16 }, (_, i) => [0, Math.floor(i / 4), i % 4]);
  return {
    ...text,
    imgIds: Tensor.from(places),
    txtIds: Tensor.zeros([5, 3]),
    guidance: config.guidance_embeds ? 3.5 : undefined,
  };
}
