/**
 * What must not compile, for a user of the root package: each snippet is checked by `deno check`, all of
 * them in one file, and has to fail in its own line with the message that helps.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";

const HEAD = `
import {
  type AnyPipeline,
  AutoencoderTiny,
  AutoPipelineForImage2Image,
  DDIMScheduler,
  DDPMPipeline,
  DiffusionPipeline,
  EulerDiscreteScheduler,
  FirstBlockCacheConfig,
  FluxPipeline,
  loadImage,
  resize,
  StableDiffusionImg2ImgPipeline,
  type StableDiffusionImg2ImgOptions,
  type StableDiffusionOptions,
  StableDiffusionPipeline,
  registry,
  StableDiffusionXLPipeline,
} from "@denoise/denoise";
import { defineAdapter } from "@denoise/adapters";
import { definePipeline, type PipelineClass, Tensor } from "@denoise/core";

const pipe = await DiffusionPipeline.fromPretrained("repo");
const sd = await StableDiffusionPipeline.fromPretrained("repo");
const img2img = await StableDiffusionImg2ImgPipeline.fromPretrained("repo");
const functions = { count: (pipe: { components: object }, letter: string) => letter.length };
const mine = registry.with([defineAdapter({ className: "CountMixin", functions })]);
const flux = await FluxPipeline.fromPretrained("repo");
const ddpm = await DDPMPipeline.fromPretrained("repo");
`;

/** What users write, and must compile. */
const COMPILES: readonly string[] = [
  `await pipe("a cat", { guidanceScale: 7.5, numInferenceSteps: 20, seed: 0 });`,
  `await pipe(["a cat", "a dog"], { image: "a.png", strength: 0.5, outputType: "tensor" });`,
  `await pipe({ batchSize: 2, seed: 1n });`,
  `for await (const step of pipe.stream("a cat", { numInferenceSteps: 2 })) step.preview();`,
  `pipe.scheduler = EulerDiscreteScheduler.fromConfig(pipe.scheduler.config);`,
  `const unet = pipe.unet; await unet.forward(Tensor.zeros([1]), 1);`,
  `const shared = pipe.components.unet; shared.to("cpu");`,
  `await DiffusionPipeline.fromPretrained("repo", { torchDtype: "float16", safetyChecker: null });`,
  `await StableDiffusionPipeline.fromPretrained("repo", { unet: sd.unet, device: "cpu" });`,
  `await (await AutoPipelineForImage2Image.fromPipe(pipe))("a cat", { image: "a.png" });`,
  `const options: StableDiffusionOptions = { height: 512 }; await sd("a cat", options);`,
  `const more: StableDiffusionImg2ImgOptions = { image: "a.png" }; await img2img("a cat", more);`,
  `await ddpm({ seed: 0 }); await ddpm();`,
  `await pipe.loadLoraWeights("lora.safetensors", { adapterName: "mine" });`,
  `const name: string = await sd.loadLoraWeights("a"); await sd.setAdapters([name], [0.8]);`,
  `await sd.loadIpAdapter("a", { weightName: "b" }); await sd.setIpAdapterScale({ mid: 0.5 });`,
  `const words: readonly string[] = await img2img.loadTextualInversion("a", { token: "<cat>" });`,
  `await (await AutoPipelineForImage2Image.fromPipe(pipe)).unloadLoraWeights();`,
  `const one: AnyPipeline = pipe; await one.unloadIpAdapter();`,
  `sd.setProgressBarConfig({ disable: true }); await sd("a cat", { progress: false });`,
  `const n: number = await new (StableDiffusionPipeline.using(mine))(sd.components).count("a");`,
  `pipe.vae.enableTiling(); pipe.vae.enableSlicing(); pipe.vae.disableTiling();`,
  `sd.vae.enableTiling(); flux.vae.enableTiling(); sd.vae.disableSlicing();`,
  `sd.vae = await AutoencoderTiny.fromPretrained("repo"); pipe.vae = sd.vae; sd.vae.enableTiling();`,
  `await pipe.transformer.enableCache(new FirstBlockCacheConfig({ threshold: 0.1 }));`,
  `await flux.transformer.enableCache({}); await flux.transformer.disableCache();`,
  `await pipe.unet.enableGroupOffload(); sd.textEncoder.enableModelCpuOffload();`,
  `const size = pipe.unet.config.sample_size as number; pipe.vae.config.scaling_factor;`,
  `console.log(pipe.scheduler.config.prediction_type, sd.unet.config.in_channels);`,
  `console.log(pipe.device, pipe.dtype, sd.device, pipe.unet.dtype, pipe.unet.numParameters);`,
  `await DiffusionPipeline.fromPretrained("repo", { textEncoder3: null, tokenizer3: null });`,
  `pipe.safetyChecker = null; sd.safetyChecker = null;`,
  `const small = resize(await loadImage("a.png"), 512, 512); await img2img("a", { image: small });`,
];

/** What must not compile, and a part of what the compiler says. */
const REFUSED: readonly [string, string][] = [
  [`await pipe("a cat", { guidanceScal: 7.5 });`, "'guidanceScale'"],
  [`await pipe("a cat", { guidance_scale: 7.5 });`, "guidance_scale"],
  [`await pipe(7);`, "not assignable"],
  [`await pipe("a cat", { numInferenceSteps: "20" });`, "not assignable to type 'number"],
  [`await pipe("a cat", { outputType: "pil" });`, "not assignable"],
  [`pipe.unett;`, "unett"],
  [`pipe.components.unett;`, "unett"],
  [`await DiffusionPipeline.fromPretrained("repo", { torchDType: "float16" });`, "'torchDtype'"],
  [`await DiffusionPipeline.fromPretrained("repo", { torch_dtype: "float16" });`, "torch_dtype"],
  [`await DiffusionPipeline.fromPretrained("repo", { device: "gpu" });`, "not assignable"],
  [`await sd("a cat", { strength: 0.5 });`, "strength"],
  [`await sd(7);`, "not assignable"],
  [`await sd("a cat", { guidanceScale: "7" });`, "not assignable to type 'number"],
  [`await img2img("a cat", {});`, "image"],
  [`await img2img("a cat");`, "Expected 2 arguments"],
  [`await ddpm("a cat");`, "no properties in common"],
  [
    `await StableDiffusionXLPipeline.fromPretrained("repo", { safetyChecker: null });`,
    "safetyChecker",
  ],
  [`await pipe.loadLoraWeights("lora.safetensors", { adapter_name: "mine" });`, "adapter_name"],
  [`await sd.loadLoraWeight("lora.safetensors");`, "'loadLoraWeights'"],
  [`await sd.setIpAdapterScale("strong");`, "not assignable"],
  [`await new (StableDiffusionPipeline.using(mine))(sd.components).count(1);`, "not assignable"],
  [`await sd.count("a");`, "count"],
  [`sd.setProgressBarConfig({ disabled: true });`, "'disable'"],
  [`new EulerDiscreteScheduler({ prediction_type: "epsilonn" });`, '"epsilonn"'],
  [`new EulerDiscreteScheduler({ beta_strat: 0.1 });`, "'beta_start'"],
  [`new DDIMScheduler().config.beta_strat;`, "'beta_start'"],
  [
    `definePipeline<object, [options?: { steps?: number }], object>({ className: "A", task: "b", ` +
    `components: {}, options: {}, async *generate() { return {}; } });`,
    "Property 'steps' is missing",
  ],
];

describe("the types of the root package", () => {
  const root = new URL("../", import.meta.url);

  async function check(lines: readonly string[]): Promise<{ line: number; text: string }[]> {
    // a file of the workspace, so that it finds the packages
    const file = await Deno.makeTempFile({ dir: root.pathname, prefix: "types-", suffix: ".ts" });
    const body = lines.map((line) => `{ ${line} }`).join("\n");
    await Deno.writeTextFile(file, `${HEAD}${body}\n`);
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", file],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    await Deno.remove(file);
    const first = HEAD.split("\n").length;
    return new TextDecoder().decode(stderr).split(/\n(?=TS\d+ \[ERROR\])/)
      .map((text) => text.replace(/^error: /, ""))
      .filter((text) => /^TS\d+ \[ERROR\]/.test(text))
      .map((text) => {
        const [_, line] = /types-\w+\.ts:(\d+):\d+/.exec(text) ?? [];
        return { line: Number(line) - first, text };
      });
  }

  it("let users write what diffusers' users write", async () => {
    assertEquals(await check(COMPILES), []);
  });

  it("refuse misspelt options, wrong types and words", async () => {
    const errors = await check(REFUSED.map(([line]) => line));
    for (const [i, [line, message]] of REFUSED.entries()) {
      const found = errors.filter((error) => error.line === i);
      assert(found.length > 0, `${line} compiles`);
      const text = found.map((error) => error.text).join("\n");
      assert(text.includes(message), `${line} should say ${message}, but says:\n${text}`);
    }
  });
});
