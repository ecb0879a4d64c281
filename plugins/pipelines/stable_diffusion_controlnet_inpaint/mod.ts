/**
 * StableDiffusionControlNetInpaintPipeline: what a mask covers of a picture is painted anew, after a
 * text and a second picture that says where things are. Zhang, Rao and Agrawala (arXiv:2302.05543).
 * With UNets of 9 channels that see mask and picture, or of 4.
 *
 * Not covered: `crossAttentionKwargs`, AsymmetricAutoencoderKL.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetInpaintPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetInpaintPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { controlnet },
 * );
 * const { images } = await pipe("a cat on a bench", {
 *   image: "dog.png",
 *   maskImage: "mask.png",
 *   controlImage: "edges.png",
 * });
 * await images[0].save("cat.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type PictureOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  randnTensor,
  type RunOptions,
  Tensor,
} from "@denoise/core";
import {
  batchNoise,
  checkInpaintInput,
  checkOutputType,
  checkSize,
  checkStrength,
  conditionOnImages,
  conditionOnText,
  control,
  type ControlComponents,
  controlled,
  type ControlOptions,
  type ControlPictures,
  controlPictures,
  countPrompts,
  cropControlPictures,
  cropToMask,
  describeRun,
  encodePictures,
  finishLatents,
  finishStep,
  type GuidanceOptions,
  guide,
  type ImagePromptOptions,
  type InpaintInput,
  maskLatents,
  planControl,
  planTimesteps,
  prepareMasks,
  preparePictures,
  previewLatents,
  repeatRows,
  seesMask,
  sizeInPixels,
  stepOptions,
  strengthTimesteps,
  type TimestepOptions,
  vaeScaleFactor,
} from "@denoise/core/pipelines";

/** Options of a call. */
export interface StableDiffusionControlNetInpaintOptions
  extends
    RunOptions,
    GuidanceOptions,
    TimestepOptions,
    ImagePromptOptions,
    InpaintInput,
    ControlOptions {
  /** The picture to control by, or one for each prompt; for several ControlNets a list of them. */
  readonly controlImage: ControlPictures;
  /** Height in pixels, a multiple of 8; that of the picture unless given. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8; that of the picture unless given. */
  readonly width?: number | undefined;
  /** How much of the covered part is forgotten, 0..1; 1 unless given. */
  readonly strength?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetInpaintArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionControlNetInpaintOptions,
];

/** A loaded StableDiffusionControlNetInpaintPipeline. */
export type StableDiffusionControlNetInpaintPipeline = Pipeline<
  ControlComponents,
  StableDiffusionControlNetInpaintArguments,
  PictureOutput
>;

/** Picture, mask, control picture and text to pictures; `StableDiffusionControlNetInpaintPipeline` of diffusers. */
export const StableDiffusionControlNetInpaintPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetInpaintArguments,
  PictureOutput
> = definePipeline({
  className: "StableDiffusionControlNetInpaintPipeline",
  ...controlled,
  generate,
});

type Run = PipelineRun<ControlComponents>;

async function* generate(
  run: Run,
  ...[prompt, options]: StableDiffusionControlNetInpaintArguments
) {
  const { unet, vae, scheduler } = run.components;
  const { strength = 1, eta = 0, outputType, signal } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  checkInpaintInput(options);
  const nineChannels = seesMask(run.components);
  const plan = planControl(run.components, options, 0.5);
  const codec = await run.pictures();
  const latentChannels = vae.config.latent_channels;
  const { height, width } = options;
  const multiple = vaeScaleFactor(vae);
  const whole = await preparePictures(codec, options.image, {
    height,
    width,
    multiple,
    latentChannels,
  });
  const size = sizeInPixels(whole, vae);
  checkSize(size.height, size.width, multiple);
  const text = await conditionOnText(run, prompt, options);
  const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
  const imageEmbeds = await conditionOnImages(run.components, options, text);

  const planned = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const steps = scheduler.numInferenceSteps ?? planned.length;
  const timesteps = strengthTimesteps(scheduler, strength, steps);
  const crop = await cropToMask(codec, options, size, outputType);
  const given = options.paddingMaskCrop === undefined
    ? whole
    : await preparePictures(codec, crop.image, size);
  const controls = await controlPictures(
    codec,
    run.components,
    await cropControlPictures(codec, options.controlImage, options, size),
    { count, prompts: countPrompts(prompt, options) },
    size,
  );
  const noise = batchNoise(count, options);
  const { generator } = noise;
  // Given generators draw as in the reference, for each picture given; own ones for each made.
  const own = options.generator === undefined;
  const pictures = own ? repeatRows(given, count, "pictures") : given;

  const forgetsAll = strength === 1;
  const clean = nineChannels && (forgetsAll || options.latents !== undefined)
    ? undefined
    : await encodePictures(vae, pictures, generator, count);
  const dims = [count, latentChannels, size.height / multiple, size.width / multiple];
  const added = options.latents ?? randnTensor(dims, generator);
  let latents = forgetsAll || options.latents !== undefined
    ? added.mul(scheduler.initNoiseSigma)
    : scheduler.addNoise(clean!, added, [timesteps[0]!]);
  const masks = await prepareMasks(codec, crop.maskImage, size);
  const { mask, masked } = await maskLatents(
    run.components,
    pictures,
    masks,
    generator,
    count,
    options.maskedImageLatents,
  );
  const settings = stepOptions(scheduler, noise, { eta });
  const facts = { steps, strength, guidanceScale, eta, ...size };
  const recipe = describeRun(prompt, options, facts, noise);

  for (const [index, timestep] of timesteps.entries()) {
    const scaled = scheduler.scaleModelInput(latents, timestep);
    const input = nineChannels ? Tensor.cat([scaled, mask, masked], 1) : scaled;
    const at = { index, total: timesteps.length, signal };
    const residuals = await control(plan, controls, text, scaled, timestep, at);
    const { sample } = await unet.forward(
      guidance ? Tensor.cat([input, input]) : input,
      timestep,
      { encoderHiddenStates, timestepCond, imageEmbeds, ...residuals, signal },
    );
    const output = guidance ? guide(sample, guidanceScale) : sample;
    const stepped = scheduler.step(output, timestep, latents, settings);
    const next = timesteps[index + 1];
    const kept = nineChannels || next === undefined
      ? clean
      : scheduler.addNoise(clean!, added, [next]);
    const painted = nineChannels
      ? stepped.prevSample
      : kept!.mul(mask.mul(-1).add(1)).add(stepped.prevSample.mul(mask));
    const step = {
      index,
      total: timesteps.length,
      timestep,
      latents: painted,
      denoised: stepped.predOriginalSample,
      preview: () => previewLatents(run, stepped, recipe),
    };
    yield step;
    latents = await finishStep(step, options);
  }
  return crop.restore(await finishLatents(run, latents, outputType, recipe));
}
