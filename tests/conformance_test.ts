/**
 * The conformance suites of core on the models and pipelines that ship with it.
 *
 * @module
 */
import type { UnconditionalOptions } from "@denoise/diffusion";
import { testModel, testPipeline } from "@denoise/testing";
import type { PipelineClass } from "@denoise/core";
import {
  AutoencoderKL,
  CLIPTextModel,
  ConsistencyModelPipeline,
  DDIMPipeline,
  DDPMPipeline,
  EulerDiscreteScheduler,
  Generator,
  type ImageOutput,
  KarrasVePipeline,
  LDMSuperResolutionPipeline,
  LDMTextToImagePipeline,
  PNDMPipeline,
  Qwen3Model,
  ScoreSdeVePipeline,
  StableDiffusionImg2ImgPipeline,
  StableDiffusionInpaintPipeline,
  StableDiffusionLatentUpscalePipeline,
  StableDiffusionPipeline,
  T5EncoderModel,
  Tensor,
  UNet2DConditionModel,
  UNet2DModel,
  ZImageTransformer2DModel,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { loadTask } from "./support/tasks.ts";

const SD = fixture("tiny-stable-diffusion");
const noise = (...dims: number[]) => Generator.manualSeed(0).randn(dims);
const bytesOf = ({ images }: ImageOutput) => images.map(({ data }) => data);
const FEW = { numInferenceSteps: 3 } as const;

testModel(UNet2DModel, {
  folder: `${fixture("tiny-ddpm")}/unet`,
  call: (model) => model.forward(noise(1, 3, 8, 8), 5),
  refuses: [
    { call: (m) => m.forward(noise(1, 2, 8, 8), 5), error: TypeError, message: '"sample" must be' },
  ],
});

testModel(UNet2DConditionModel, {
  folder: `${SD}/unet`,
  call: (model) => {
    const width = model.config.cross_attention_dim as number;
    return model.forward(noise(2, 4, 8, 8), 7, { encoderHiddenStates: noise(2, 5, width) });
  },
  refuses: [
    {
      call: (model) => model.forward(noise(1, 4, 8, 8), 7),
      error: TypeError,
      message: '"encoder_hidden_states" is missing',
    },
  ],
});

testModel(AutoencoderKL, {
  folder: `${SD}/vae`,
  call: async (model) => {
    const { latentDist } = await model.encode(noise(1, 3, 16, 16));
    const { sample } = await model.decode(latentDist.mode());
    return { mean: latentDist.mean, sample };
  },
});

testModel(CLIPTextModel, {
  folder: `${SD}/text_encoder`,
  call: async (model) => {
    const ids = Tensor.from([[0, 1, 2, 3]], undefined, "int64");
    const { lastHiddenState, poolerOutput } = await model.forward(ids);
    return { lastHiddenState, poolerOutput };
  },
  refuses: [
    {
      call: (model) => model.forward(Tensor.zeros([1, 1000], "int64")),
      error: RangeError,
      message: "at most",
    },
  ],
});

testModel(ZImageTransformer2DModel, {
  folder: fixture("models/ZImageTransformer2DModel/turbo"),
  call: async (model) => {
    const encoderHiddenStates = [Tensor.ones([3, 12])];
    return (await model.forward(Tensor.ones([1, 4, 4, 6]), 0.5, { encoderHiddenStates })).sample;
  },
  refuses: [
    {
      call: (model) => model.forward(Tensor.ones([1, 4, 4, 4]), 0.5, { encoderHiddenStates: [] }),
      error: TypeError,
      message: "there are 0 texts for 1 rows",
    },
    {
      call: (model) =>
        model.forward(Tensor.ones([1, 4, 4, 5]), 0.5, {
          encoderHiddenStates: [Tensor.ones([3, 12])],
        }),
      error: TypeError,
      message: "with even sides",
    },
    {
      call: (model) =>
        model.forward(Tensor.ones([1, 4, 4, 66]), 0.5, {
          encoderHiddenStates: [Tensor.ones([3, 12])],
        }),
      error: RangeError,
      message: "latents of up to 64x64",
    },
  ],
});

testModel(Qwen3Model, {
  folder: fixture("models/Qwen3Model/grouped"),
  call: async (model) => {
    const ids = Tensor.from([[0, 1, 2, 3]], undefined, "int64");
    return (await model.forward(ids)).lastHiddenState;
  },
  refuses: [
    {
      call: (model) => model.forward(Tensor.zeros([1, 4])),
      error: TypeError,
      message: '"input_ids" must be int64',
    },
    {
      call: (model) => model.hiddenStates(Tensor.zeros([1, 4], "int64"), [4]),
      error: RangeError,
      message: "from -4 to 3",
    },
  ],
});

testModel(T5EncoderModel, {
  folder: fixture("models/T5EncoderModel/gated_gelu"),
  call: async (model) => {
    const ids = Tensor.from([[0, 1, 2, 3]], undefined, "int64");
    return (await model.forward(ids)).lastHiddenState;
  },
  refuses: [
    {
      call: (model) => model.forward(Tensor.zeros([1, 4])),
      error: TypeError,
      message: '"input_ids" must be int64',
    },
  ],
});

const TINY = [
  [DDPMPipeline, "tiny-ddpm"],
  [DDIMPipeline, "tiny-ddpm"],
  [PNDMPipeline, "tiny-ddpm"],
  [ScoreSdeVePipeline, "tiny-score-sde-ve"],
  [KarrasVePipeline, "tiny-karras-ve"],
  [ConsistencyModelPipeline, "tiny-consistency-model"],
] as const;
type Unconditional = PipelineClass<object, [options?: UnconditionalOptions], ImageOutput>;
for (const [Class, repo] of TINY) {
  testPipeline(Class as unknown as Unconditional, {
    folder: fixture(repo),
    args: (options) => [{ numInferenceSteps: 4, ...options }], // PNDM begins with four
    bytesOf,
    refuses: [
      {
        call: (pipe) => pipe({ numInferenceSteps: 0 } as UnconditionalOptions),
        error: RangeError,
        message: "integer from ",
      },
      { call: (pipe) => pipe({ batchSize: 0 }), error: RangeError, message: "batchSize" },
      { call: (pipe) => pipe({ batchSize: 1.5 }), error: RangeError, message: "batchSize" },
      { call: (pipe) => pipe({ outputType: "np" as never }), error: RangeError, message: '"np"' },
      {
        call: (pipe) => pipe({ batchSize: 3, generator: [new Generator(1), new Generator(2)] }),
        error: RangeError,
        message: "2 generators",
      },
    ],
  });
}

testPipeline(StableDiffusionPipeline, {
  folder: SD,
  args: (options) => ["a cat", { ...FEW, ...options }],
  bytesOf,
  refuses: [{ call: (pipe) => pipe("a", { width: 9 }), error: RangeError, message: "divisible" }],
});

const image = noise(1, 3, 32, 32).mul(0.2).add(0.5).clamp(0, 1);
testPipeline(StableDiffusionImg2ImgPipeline, {
  folder: SD,
  args: (options) => ["a cat", { ...FEW, image, ...options }],
  bytesOf,
  refuses: [
    { call: (p) => p("a", { image, strength: 2 }), error: RangeError, message: "from 0 to 1" },
    { call: (p) => p("a", { image, strength: NaN }), error: RangeError, message: "from 0 to 1" },
  ],
});

testPipeline(StableDiffusionInpaintPipeline, {
  folder: SD,
  args: (options) => ["a cat", { ...FEW, image, maskImage: image.slice(1, 0, 1), ...options }],
  bytesOf,
  refuses: [{
    call: (pipe) => pipe("a", { image, maskImage: undefined as never }),
    error: TypeError,
    message: "without maskImage",
  }],
});

testPipeline(LDMTextToImagePipeline, {
  folder: fixture("tiny-ldm"),
  args: (options) => ["a cat", { ...FEW, guidanceScale: 3, ...options }],
  bytesOf,
  refuses: [
    { call: (pipe) => pipe("a", { width: 9 }), error: RangeError, message: "divisible" },
    { call: (pipe) => pipe([], FEW), error: RangeError, message: "list of prompts is empty" },
  ],
});

testPipeline(LDMSuperResolutionPipeline, {
  folder: fixture("tiny-ldm-super-resolution"),
  args: (options) => [{ ...FEW, image, ...options }],
  bytesOf,
  refuses: [
    { call: (p) => p({ image, numInferenceSteps: 0 }), error: RangeError, message: "from 1" },
  ],
});

/** A repo laid out as stabilityai/sd-x2-latent-upscaler; gone when the tests have run. */
async function latentUpscaler(): Promise<string> {
  const pipe = await loadTask({
    pipeline: "StableDiffusionLatentUpscalePipeline",
    repo: "tiny-stable-diffusion",
    parts: { unet: "models/UNet2DConditionModel/latent_upscaler" },
  });
  pipe.scheduler = EulerDiscreteScheduler.fromConfig({ prediction_type: "sample" });
  const folder = await Deno.makeTempDir({ prefix: "denoise-" });
  await pipe.savePretrained(folder);
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return folder;
}

testPipeline(StableDiffusionLatentUpscalePipeline, {
  folder: await latentUpscaler(),
  args: (options) => ["a cat", { ...FEW, image, ...options }],
  bytesOf,
  refuses: [{
    call: (pipe) => pipe("a", { image: undefined as never }),
    error: TypeError,
    message: "without image: give an image",
  }],
});
