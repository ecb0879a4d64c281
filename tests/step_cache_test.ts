/**
 * Step caches against diffusers' own hooks, at the same settings.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import {
  FasterCacheConfig,
  FirstBlockCacheConfig,
  Flux2Transformer2DModel,
  FLUX_MAG_RATIOS,
  FluxPipeline,
  FluxTransformer2DModel,
  MagCacheConfig,
  PixArtSigmaPipeline,
  PixArtTransformer2DModel,
  PyramidAttentionBroadcastConfig,
  QwenImageTransformer2DModel,
  SD3Transformer2DModel,
  TaylorSeerCacheConfig,
  UNet2DConditionModel,
} from "@denoise/denoise";
import { camelKeys, fixture, readGolden, relativeDifference } from "./support/golden.ts";

interface Case {
  readonly name: string;
  readonly model: string;
  readonly cache: keyof typeof configs;
  readonly options: Record<string, unknown>;
  readonly steps: number;
  /** Ratios that were measured, by branch of guidance. */
  readonly measured?: readonly (readonly number[])[];
}

const configs = {
  FasterCacheConfig,
  FirstBlockCacheConfig,
  MagCacheConfig,
  PyramidAttentionBroadcastConfig,
  TaylorSeerCacheConfig,
};
const { head: { cases }, tensors } = await readGolden<{ cases: readonly Case[] }>("step_cache");

describe("a step cache", () => {
  for (const { name, model: folder, cache, options, steps, measured = [] } of cases) {
    it(`gives what diffusers gives: ${name}`, async () => {
      const [cached, plain] = [await load(folder), await load(folder)];
      const ratios: (readonly number[])[] = [];
      const onCalibrated = measured.length > 0 && {
        onCalibrated: (magRatios: readonly number[]) => void ratios.push(magRatios),
      };
      const given = { ...camelKeys(options), ...onCalibrated };
      await cached.model.enableCache(new configs[cache](given));
      const get = (key: string) => tensors.get(`${name}/${key}`)!;
      const texts = [0, 1].filter((i) => tensors.has(`${name}/encoder_hidden_states/${i}`))
        .map((i) => ({
          encoderHiddenStates: get(`encoder_hidden_states/${i}`),
          pooledProjections: tensors.get(`${name}/pooled_projections/${i}`)!,
        }));
      let [sample, skipped] = [get("sample"), 0];
      const made = texts.map((): Tensor[] => []);
      const channels = sample.dims[1]!;
      for (let step = 0; step < steps; step++) {
        const time = 1000 * (1 - step / steps) - 3;
        for (const [i, text] of texts.entries()) {
          const output = await cached.call(sample, time, text);
          made[i]!.push(output);
          const whole = await plain.call(sample, time, text);
          if (relativeDifference(whole, output) > 1e-4) skipped++;
        }
        const [first, second] = made.map((outputs) => outputs.at(-1)!);
        const change = second === undefined ? first! : first!.add(second.mul(0.5));
        sample = sample.sub(
          change.slice(1, 0, channels).mul((step % 4 === 0 ? 3 : 1) / (8 * steps)),
        );
      }
      const apart = made.map((outputs, i) =>
        relativeDifference(Tensor.stack(outputs), get(`output/${i}`))
      );
      const most = Math.max(...apart);
      // float32 sums in another order; factors of bfloat16 can round the other way, by 2^-9 of an attention
      assert(most < (usesBfloat16(cache, options) ? 2e-3 : 2e-5), `${most}`);
      const calls = texts.length * steps;
      const isGood = measured.length > 0 ? skipped === 0 : skipped > 0 && skipped < calls;
      assert(isGood, `${skipped} of ${calls} calls were not whole`);
      assertEquals(ratios.map(({ length }) => length), measured.map(({ length }) => length));
      // means of float32 lengths, summed in another order
      ratios.flat().forEach((one, i) => assertAlmostEquals(one, measured.flat()[i]!, 1e-5));
      await Promise.all([cached.model.dispose(), plain.model.dispose()]);
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

  it("leaves out what is not wanted of a guided pipeline, anew at each call", async () => {
    const pipe = await PixArtSigmaPipeline.fromPretrained(fixture("tiny-pixart-sigma"));
    const call = { numInferenceSteps: 8, seed: 1, outputType: "tensor" } as const;
    const draw = async () => (await pipe("a cat", { ...call, height: 32, width: 32 })).tensor!.data;
    const whole = await draw();
    await pipe.transformer.enableCache(new FasterCacheConfig());
    const faster = await draw();
    assert(faster.some((value, i) => value !== whole[i]), "no step was skipped");
    assertEquals(await draw(), faster);
    await pipe.dispose();
  });

  it("says what FasterCache cannot leave out", async () => {
    const at = fixture("models/FluxTransformer2DModel/dev");
    const flux = await FluxTransformer2DModel.fromPretrained(at);
    await flux.enableCache(new FasterCacheConfig());
    const text = {
      encoderHiddenStates: Tensor.zeros([1, 5, flux.config.joint_attention_dim]),
      pooledProjections: Tensor.zeros([1, flux.config.pooled_projection_dim]),
    };
    const tokens = Tensor.zeros([1, 16, flux.config.in_channels]);
    await assertRejects(
      () => flux.forward(tokens, 0.5, fluxOptions(flux, text)),
      DenoiseError,
      "set isGuidanceDistilled",
    );
    const folder = "models/SD3Transformer2DModel/sd3";
    const sd3 = await SD3Transformer2DModel.fromPretrained(fixture(folder));
    await sd3.enableCache(new FasterCacheConfig());
    const { in_channels, joint_attention_dim, pooled_projection_dim } = sd3.config;
    const forward = (rows: number, skipLayers?: readonly number[]) =>
      sd3.forward(Tensor.zeros([rows, in_channels, 8, 8]), 500, {
        encoderHiddenStates: Tensor.zeros([rows, 5, joint_attention_dim]),
        pooledProjections: Tensor.zeros([rows, pooled_projection_dim]),
        skipLayers,
      });
    await assertRejects(() => forward(3), DenoiseError, "3 rows have no half");
    await assertRejects(() => forward(2, [0]), DenoiseError, "leave out skipGuidanceLayers");
    await Promise.all([flux.dispose(), sd3.dispose()]);
  });

  it("is refused by models without such blocks, and of other kinds", async () => {
    const flux = await FluxTransformer2DModel.fromPretrained(fixture("tiny-flux-dev/transformer"));
    await assertRejects(() => flux.enableCache({ threshold: 1 }), RangeError, "SeaCache");
    const none = new TaylorSeerCacheConfig({ cacheIdentifiers: ["layers.*"] });
    await assertRejects(
      () => flux.enableCache(none),
      DenoiseError,
      "cacheIdentifiers fit none of",
    );
    const folder = fixture("tiny-stable-diffusion/unet");
    const unet = await UNet2DConditionModel.fromPretrained(folder);
    const all = [
      new FirstBlockCacheConfig(),
      new TaylorSeerCacheConfig(),
      new MagCacheConfig({ magRatios: FLUX_MAG_RATIOS }),
      new FasterCacheConfig(),
      new PyramidAttentionBroadcastConfig(),
    ];
    for (const config of all) {
      const error = await assertRejects(() => unet.enableCache(config), DenoiseError);
      assert(
        error.message.startsWith(`Cannot use ${config.constructor.name} on UNet2D`),
        error.message,
      );
    }
    assertThrows(
      () => new PyramidAttentionBroadcastConfig({ spatialAttentionBlockSkipRange: 0 }),
      RangeError,
      "spatialAttentionBlockSkipRange must be an integer from 1, but is 0",
    );
    assertThrows(
      () => new PyramidAttentionBroadcastConfig({ crossAttentionTimestepSkipRange: [1, NaN] }),
      RangeError,
      "crossAttentionTimestepSkipRange must be two timesteps",
    );
    assertThrows(
      () => new FasterCacheConfig({ unconditionalBatchSkipRange: 1.5 }),
      RangeError,
      "unconditionalBatchSkipRange must be an integer",
    );
    assertThrows(() => new FasterCacheConfig({ alphaLowFrequency: NaN }), RangeError, "alphaLow");
    assertThrows(() => new MagCacheConfig(), TypeError, "without magRatios");
    const wrong = [
      [{ maxSkipSteps: 1.5 }, "maxSkipSteps must be an integer from 0, but is 1.5"],
      [{ retentionRatio: 2 }, "retentionRatio must be a number from 0 to 1, but is 2"],
      [{ numInferenceSteps: 0 }, "numInferenceSteps must be an integer from 1, but is 0"],
      [{ threshold: -1 }, "threshold must be a number from 0, but is -1"],
      [{ magRatios: [] }, "magRatios must be one or more numbers, but is []"],
    ] as const;
    for (const [options, message] of wrong) {
      const given = { magRatios: FLUX_MAG_RATIOS, ...options };
      assertThrows(() => new MagCacheConfig(given), RangeError, message);
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

/** A model of a fixture, and a call of it at a timestep of 0 to 1000. */
async function load(folder: string) {
  const at = fixture(folder);
  const [, className] = folder.split("/");
  if (className === "PixArtTransformer2DModel") {
    const model = await PixArtTransformer2DModel.fromPretrained(at);
    const call = async (sample: Tensor, time: number, text: Text) =>
      (await model.forward(sample, time, text)).sample;
    return { model, call };
  }
  if (className === "SD3Transformer2DModel") {
    const model = await SD3Transformer2DModel.fromPretrained(at);
    const call = async (sample: Tensor, time: number, text: Text) =>
      (await model.forward(sample, time, text)).sample;
    return { model, call };
  }
  if (className === "QwenImageTransformer2DModel") {
    const model = await QwenImageTransformer2DModel.fromPretrained(at);
    const call = async (sample: Tensor, time: number, { encoderHiddenStates }: Text) =>
      (await model.forward(sample, Math.fround(time / 1000), {
        encoderHiddenStates: [encoderHiddenStates.squeeze(0)],
        imgShapes: [[1, 4, 4]],
      })).sample;
    return { model, call };
  }
  if (className === "Flux2Transformer2DModel") {
    const model = await Flux2Transformer2DModel.fromPretrained(at);
    const imgIds = Tensor.from(Array.from({ length: 16 }, (_, i) => [0, i >> 2, i & 3, 0]));
    const txtIds = Tensor.from(Array.from({ length: 5 }, (_, i) => [0, 0, 0, i]));
    const call = async (sample: Tensor, time: number, { encoderHiddenStates }: Text) =>
      (await model.forward(sample, Math.fround(time / 1000), {
        ...{ encoderHiddenStates, imgIds, txtIds },
      })).sample;
    return { model, call };
  }
  const model = await FluxTransformer2DModel.fromPretrained(at);
  const call = async (sample: Tensor, time: number, text: Text) =>
    (await model.forward(sample, Math.fround(time / 1000), fluxOptions(model, text))).sample;
  return { model, call };
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
