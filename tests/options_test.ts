/**
 * Options wherever they are taken: unknown ones are refused with the name that was meant, numbers that
 * are not finite by name.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type PipelineClass, Tensor } from "@denoise/core";
import {
  type AnyPipeline,
  AutoencoderKL,
  AutoPipelineForText2Image,
  CLIPTokenizer,
  DDIMScheduler,
  DiffusionPipeline,
  registry,
  StableDiffusionPipeline,
  TCDScheduler,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const SD = fixture("tiny-stable-diffusion");
/** An option that no type knows. */
const unknown = (options: object) => options as never;

describe("eta", () => {
  it("is 0 unless it is given, whatever the scheduler's own default is", async () => {
    const pipe = await StableDiffusionPipeline.fromPretrained(SD, {
      scheduler: new TCDScheduler(),
    });
    const dataOf = async (eta?: number) => {
      const settings = { numInferenceSteps: 3, guidanceScale: 1, height: 32, width: 32, seed: 0 };
      const { images } = await pipe("a", eta === undefined ? settings : { ...settings, eta });
      return images[0]!.data;
    };
    const byDefault = await dataOf();
    assertEquals(byDefault, await dataOf(0));
    assertNotEquals(byDefault, await dataOf(0.3));
  });
});

describe("unknown options", () => {
  const loaders: readonly [string, (options: never) => Promise<unknown>][] = [
    ["DiffusionPipeline.fromPretrained", (o) => DiffusionPipeline.fromPretrained(SD, o)],
    ["a class's fromPretrained", (o) => StableDiffusionPipeline.fromPretrained(SD, o)],
    ["AutoPipeline", (o) => AutoPipelineForText2Image.fromPretrained(SD, o)],
    ["a model", (o) => AutoencoderKL.fromPretrained(`${SD}/vae`, o)],
    ["a scheduler", (o) => DDIMScheduler.fromPretrained(`${SD}/scheduler`, o)],
    ["a tokenizer", (o) => CLIPTokenizer.fromPretrained(`${SD}/tokenizer`, o)],
    ["a single file", (o) => StableDiffusionPipeline.fromSingleFile("x.safetensors", o)],
  ];
  for (const [what, load] of loaders) {
    it(`are refused in loading by ${what}`, async () => {
      await assertRejects(
        () => load(unknown({ torch_dtype: "float16" })),
        TypeError,
        '"torch_dtype": its name is "torchDtype" here',
      );
      await assertRejects(
        () => load(unknown({ localFileOnly: true })),
        TypeError,
        'did you mean "localFilesOnly"?',
      );
    });
  }

  it("are refused where a component of another class is given", async () => {
    await assertRejects(
      () => DiffusionPipeline.fromPretrained(SD, unknown({ safety_checker: null })),
      TypeError,
      '"safety_checker": its name is "safetyChecker" here',
    );
    await assertRejects(
      () => StableDiffusionPipeline.fromPretrained(SD, unknown({ vea: null })),
      TypeError,
      'did you mean "vae"?',
    );
  });

  it("are refused in a call, in saving and by adapters", async () => {
    const pipe = await StableDiffusionPipeline.fromPretrained(SD);
    const folder = await Deno.makeTempDir();
    const calls: readonly [(options: never) => Promise<unknown>, object, string][] = [
      [(o) => pipe("a", o), { guidance_scale: 3 }, '"guidanceScale"'],
      [(o) => pipe("a", o), { cross_attention_kwargs: {} }, '"crossAttentionKwargs"'],
      [(o) => pipe.stream("a", o).next(), { numInferenceStep: 3 }, '"numInferenceSteps"'],
      [(o) => pipe.savePretrained(folder, o), { max_shard_size: "1MB" }, '"maxShardSize"'],
      [(o) => pipe.unet.savePretrained(folder, o), { varient: "fp16" }, '"variant"'],
      [(o) => pipe.loadLoraWeights("x", o), { adapter_name: "a" }, '"adapterName"'],
      [(o) => pipe.loadIpAdapter("x", o), { weight_name: "a" }, '"weightName"'],
      [(o) => pipe.loadTextualInversion("x", o), { tokn: "a" }, '"token"'],
    ];
    for (const [call, options, message] of calls) {
      await assertRejects(async () => await call(unknown(options)), TypeError, message);
    }
    assertEquals([...Deno.readDirSync(folder)], [], "nothing was written");
    await pipe.dispose();
    await Deno.remove(folder);
  });

  it("are refused among the parts of a pipeline", async () => {
    const pipe = await StableDiffusionPipeline.fromPretrained(SD);
    const message = 'Cannot make a StableDiffusionPipeline with "unett"';
    const parts = unknown({ ...pipe.components, unett: null });
    assertThrows(() => new StableDiffusionPipeline(parts), TypeError, message);
    const given = unknown({ unett: null });
    assertThrows(() => StableDiffusionPipeline.fromPipe(pipe, given), TypeError, message);
    await pipe.dispose();
  });

  it("are refused by schedulers, with what was meant", () => {
    const scheduler = new DDIMScheduler();
    const calls: readonly [() => unknown, string][] = [
      [() => new DDIMScheduler(unknown({ beta_strat: 1 })), 'did you mean "beta_start"?'],
      [() => DDIMScheduler.fromConfig({}, unknown({ betaStart: 1 })), 'did you mean "beta_start"?'],
      [
        () => scheduler.setTimesteps(3, unknown({ num_inference_step: 1 })),
        'did you mean "numInferenceSteps"?',
      ],
    ];
    for (const [call, message] of calls) assertThrows(call, TypeError, message);
  });
});

describe("numbers among the options of every pipeline", () => {
  for (const { className } of registry.pipelines()) {
    it(`are refused by ${className} where they are NaN or infinite`, async () => {
      const Class = await registry.get(className, "pipeline") as unknown as PipelineClass<
        Record<string, unknown>,
        unknown[],
        unknown
      >;
      const parts = Object.entries(Class.spec).map(([role, { kind }]) => [
        role,
        kind === "scheduler"
          ? new DDIMScheduler({ steps_offset: 1, clip_sample: false })
          : { className: "Part", config: {}, controlled: (unet: unknown) => unet },
      ]);
      const pipe = new Class(Object.fromEntries(parts)) as unknown as AnyPipeline;
      const tensor = new Tensor("float32", Float32Array.of(0), [1, 1]);
      const required = Object.entries(Class.options).filter(([_, option]) => option.required)
        .map(([name, { type, list }]) => {
          if (type === "integer") return [name, 0];
          const one = type === "tensor" ? tensor : "image.png";
          return [name, list === "required" ? [one] : one];
        });
      const numbers = Object.entries(Class.options)
        .filter(([_, { type }]) => ["number", "integer", "seed"].includes(type));
      // the last of what makes no steps
      const least = ["numInferenceSteps", "decoderNumInferenceSteps", "promptEmbedsScale"];
      assert(numbers.some(([name]) => least.includes(name)));
      for (const [name, { list }] of numbers) {
        for (const value of [NaN, Infinity, -Infinity]) {
          const given = { ...Object.fromEntries(required), [name]: list ? [value] : value };
          const call = () => Class.takesPrompt ? pipe.stream("a", given) : pipe.stream(given);
          assertThrows(call, RangeError, `${name} ${list ? `[${value}]` : value}`);
        }
      }
    });
  }
});
