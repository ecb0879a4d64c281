/**
 * Calls a model as the reference called it and measures how far the outputs are apart.
 *
 * @module
 */
import { Generator, type Model, Tensor, type TorchDtype } from "@denoise/core";
import type {
  Autoencoder,
  ControlledDenoiser,
  ControlNet,
  ControlNetUnion,
  Denoiser,
  Prior,
  TextEncoder,
  TextEncoderOutput,
  UNetAdapter,
} from "@denoise/roles";
import type { DepthEstimator } from "@denoise/stable-diffusion";
import type {
  AceStepAudioTokenDetokenizer,
  AceStepAudioTokenizer,
  AceStepConditionEncoder,
  AceStepTransformer1DModel,
  AnimaTextConditioner,
  AudioLDM2ProjectionModel,
  AudioLDM2UNet2DConditionModel,
  AuraFlowTransformer2DModel,
  AutoencoderDC,
  ChatGLMModel,
  ChromaTransformer2DModel,
  ClapTextModelWithProjection,
  CLIPImageProjection,
  CosmosTransformer3DModel,
  DiTTransformer2DModel,
  ErnieImageTransformer2DModel,
  Flux2Transformer2DModel,
  Flux3Transformer2DModel,
  FluxControlNetModel,
  FluxTransformer2DModel,
  GPT2Model,
  IFSafetyChecker,
  Krea2Transformer2DModel,
  LDMBertModel,
  LongCatImageTransformer2DModel,
  Lumina2Transformer2DModel,
  MultilingualCLIP,
  OvisImageTransformer2DModel,
  PaintByExampleImageEncoder,
  PixArtTransformer2DModel,
  Qwen2_5_VLForConditionalGeneration,
  Qwen3Model,
  Qwen3VLForConditionalGeneration,
  QwenImage21Transformer2DModel,
  QwenImageControlNetModel,
  QwenImageTransformer2DModel,
  ReduxImageEncoder,
  SanaTransformer2DModel,
  SD3ControlNetModel,
  SD3Transformer2DModel,
  SiglipVisionModel,
  SpeechT5HifiGan,
  StableAudioDiTModel,
  StableAudioProjectionModel,
  StableUnCLIPImageNormalizer,
  T2IAdapter,
  UnCLIPTextProjModel,
  UVit2DModel,
  VQModel,
  ZImageControlNetModel,
} from "@denoise/denoise";
import { UNet2DConditionModel, ZImageTransformer2DModel } from "@denoise/denoise";
import { camelCase, fixture, type Golden, relativeDifference, type Stored } from "./golden.ts";

/** One call; tests/golden/README.md says what the keys mean. */
export interface ModelCall {
  readonly name: string;
  readonly method?: "encode" | "decode" | "quantize" | "forward";
  readonly feature?: string;
  /** The type that its weights are held in, where it is not the default one. */
  readonly dtype?: TorchDtype;
  readonly inputs: Readonly<Record<string, Stored>>;
  readonly outputs: Readonly<Record<string, Stored>>;
}

/** The calls of one model. */
export type ModelGolden = Golden<{ readonly cases: readonly ModelCall[] }>;

/** Outputs by their names in the reference. */
type Outputs = Record<string, Tensor | undefined>;
type Inputs = (name: string) => Tensor | undefined;

async function denoise(model: Denoiser, input: Inputs, call: ModelCall): Promise<Outputs> {
  const timestep = input("timestep") as number | Tensor | undefined;
  const listed = (name: string) => {
    const tensors = Object.keys(call.inputs)
      .filter((key) => key.startsWith(`${name}.`))
      .map((key) => input(key)!);
    return tensors.length === 0 ? undefined : tensors;
  };
  const image = input("added_cond_kwargs.image_embeds");
  const grounded = Object.keys(call.inputs).filter((key) => key.startsWith("gligen."))
    .map((key) => [camelCase(key.slice("gligen.".length)), input(key)]);
  return await model.forward(
    input("sample")!,
    typeof timestep === "number" ? timestep : Array.from(timestep!.data, Number),
    {
      encoderHiddenStates: input("encoder_hidden_states"),
      timestepCond: input("timestep_cond"),
      classLabels: input("class_labels"),
      textEmbeds: input("added_cond_kwargs.text_embeds"),
      timeIds: input("added_cond_kwargs.time_ids"),
      encoderAttentionMask: input("encoder_attention_mask"),
      attentionMask: input("attention_mask"),
      imageEmbeds: image === undefined ? undefined : [image],
      hint: input("added_cond_kwargs.hint"),
      downBlockAdditionalResiduals: listed("down_block_additional_residuals"),
      downIntrablockAdditionalResiduals: listed("down_intrablock_additional_residuals"),
      midBlockAdditionalResidual: input("mid_block_additional_residual"),
      gligen: grounded.length === 0 ? undefined : Object.fromEntries(grounded),
    },
  ) as unknown as Outputs;
}

async function denoiseControlled(
  model: ControlledDenoiser,
  input: Inputs,
  { inputs }: ModelCall,
): Promise<Outputs> {
  return await model.forward(input("sample")!, inputs.timestep as number, {
    encoderHiddenStates: input("encoder_hidden_states"),
    textEmbeds: input("added_cond_kwargs.text_embeds"),
    timeIds: input("added_cond_kwargs.time_ids"),
    controlnetCond: input("controlnet_cond"),
    conditioningScale: inputs.conditioning_scale as number | undefined,
  });
}

async function predictVectors(model: Prior, input: Inputs, call: ModelCall): Promise<Outputs> {
  const { predictedImageEmbedding } = await model.forward(
    input("hidden_states")!,
    call.inputs.timestep as number,
    {
      projEmbedding: input("proj_embedding")!,
      encoderHiddenStates: input("encoder_hidden_states"),
      attentionMask: input("attention_mask"),
    },
  );
  return {
    predicted_image_embedding: predictedImageEmbedding,
    processed: model.postProcessLatents(predictedImageEmbedding),
  };
}

async function guessTokens(model: UVit2DModel, input: Inputs): Promise<Outputs> {
  const { logits } = await model.forward(input("input_ids")!, {
    encoderHiddenStates: input("encoder_hidden_states")!,
    pooledTextEmb: input("pooled_text_emb")!,
    microConds: input("micro_conds")!,
  });
  return { logits };
}

async function projectConditioning(
  model: UnCLIPTextProjModel,
  input: Inputs,
  { inputs }: ModelCall,
): Promise<Outputs> {
  const { textEncoderHiddenStates, additiveClipTimeEmbeddings } = await model.forward({
    imageEmbeddings: input("image_embeddings")!,
    promptEmbeds: input("prompt_embeds")!,
    textEncoderHiddenStates: input("text_encoder_hidden_states")!,
    doClassifierFreeGuidance: inputs.do_classifier_free_guidance as boolean,
  });
  return {
    text_encoder_hidden_states: textEncoderHiddenStates,
    additive_clip_time_embeddings: additiveClipTimeEmbeddings,
  };
}

function normalizeVectors(model: StableUnCLIPImageNormalizer, input: Inputs): Promise<Outputs> {
  const embeds = input("embeds")!;
  return Promise.resolve({ scaled: model.scale(embeds), unscaled: model.unscale(embeds) });
}

async function detectImages(model: IFSafetyChecker, input: Inputs): Promise<Outputs> {
  const { nsfw, watermark } = await model.detect(input("clip_input")!);
  const flags = (found: readonly boolean[]) => Tensor.from(Float32Array.from(found, Number));
  return { nsfw: flags(nsfw), watermark: flags(watermark) };
}

/** An adapter computes with a UNet of tests/fixtures. */
async function denoiseJoined(
  adapter: UNetAdapter,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const unet = await UNet2DConditionModel.fromPretrained(fixture(String(call.inputs.unet)));
  const joined = adapter.controlled(unet);
  const outputs = await denoiseControlled(joined, input, call);
  await joined.dispose();
  return outputs;
}

async function residuals(model: ControlNet, input: Inputs, call: ModelCall): Promise<Outputs> {
  const { downBlockResSamples, midBlockResSample } = await model.forward(
    input("sample")!,
    call.inputs.timestep as number,
    {
      encoderHiddenStates: input("encoder_hidden_states")!,
      controlnetCond: input("controlnet_cond")!,
      conditioningScale: call.inputs.conditioning_scale as number | undefined,
      guessMode: call.inputs.guess_mode as boolean | undefined,
      classLabels: input("class_labels"),
      textEmbeds: input("added_cond_kwargs.text_embeds"),
      timeIds: input("added_cond_kwargs.time_ids"),
    },
  );
  const down = downBlockResSamples.map((residual, i) => [`down.${i}`, residual]);
  return { ...Object.fromEntries(down), mid: midBlockResSample };
}

async function unionResiduals(
  model: ControlNetUnion,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const { downBlockResSamples, midBlockResSample } = await model.forward(
    input("sample")!,
    call.inputs.timestep as number,
    {
      encoderHiddenStates: input("encoder_hidden_states")!,
      controlnetCond: listed("controlnet_cond", input, call),
      controlMode: call.inputs.control_mode as unknown as number[],
      conditioningScale: call.inputs.conditioning_scale as number,
      guessMode: call.inputs.guess_mode as boolean | undefined,
      textEmbeds: input("added_cond_kwargs.text_embeds"),
      timeIds: input("added_cond_kwargs.time_ids"),
    },
  );
  const down = downBlockResSamples.map((residual, i) => [`down.${i}`, residual]);
  return { ...Object.fromEntries(down), mid: midBlockResSample };
}

async function adapt(model: T2IAdapter, input: Inputs): Promise<Outputs> {
  const features = await model.forward(input("image")!);
  return Object.fromEntries(features.map((feature, i) => [`feature.${i}`, feature]));
}

async function encodeOrDecode(
  model: Autoencoder,
  input: Inputs,
  { method }: ModelCall,
): Promise<Outputs> {
  if (method === "decode") return { ...await model.decode(input("z")!) };
  const { latentDist } = await model.encode(input("sample")!);
  const { mean, logvar } = latentDist;
  const std = logvar.mul(0.5).exp();
  return { mean, logvar, std, sample_seed_7: latentDist.sample(new Generator(7)) };
}

/** Decoding draws noise. */
async function encodeOrDecodeInSteps(
  model: Autoencoder,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const seed = call.inputs.seed as number | undefined;
  if (call.inputs.tiled) model.enableTiling();
  else model.disableTiling();
  if (seed === undefined) return await encodeOrDecode(model, input, call);
  return { ...await model.decode(input("z")!, { generator: new Generator(seed) }) };
}

async function encodeText(model: TextEncoder, input: Inputs): Promise<Outputs> {
  const output = await model.forward(input("input_ids")!, { outputHiddenStates: true });
  const states = output.hiddenStates!.map((state, i) => [`hidden_states.${i}`, state]);
  return {
    last_hidden_state: output.lastHiddenState,
    pooler_output: output.poolerOutput,
    text_embeds: output.textEmbeds,
    ...Object.fromEntries(states),
  };
}

/** What the T5 encoder of `@denoise/model-t5-encoder` has of a text encoder. */
type PlainTextEncoder = { forward(...args: Parameters<TextEncoder["forward"]>): Promise<T5Output> };
type T5Output = Pick<TextEncoderOutput, "lastHiddenState" | "hiddenStates">;

async function encodePlain(model: PlainTextEncoder, input: Inputs): Promise<Outputs> {
  const { lastHiddenState, hiddenStates } = await model.forward(input("input_ids")!, {
    attentionMask: input("attention_mask"),
    outputHiddenStates: true,
  });
  const states = hiddenStates!.map((state, i) => [`hidden_states.${i}`, state]);
  return { last_hidden_state: lastHiddenState, ...Object.fromEntries(states) };
}

/** Which states stand where nothing is padding: the others are nobody's. */
async function encodeCausal(model: Pick<Qwen3Model, "forward">, input: Inputs): Promise<Outputs> {
  const attentionMask = input("attention_mask");
  const { hiddenStates } = await model.forward(input("input_ids")!, {
    attentionMask,
    outputHiddenStates: true,
  });
  const counted = attentionMask &&
    Tensor.from(Array.from(attentionMask.data, Number), [...attentionMask.dims, 1]);
  const states = hiddenStates!.map((state, i) => [
    `hidden_states.${i}`,
    counted === undefined ? state : state.mul(counted),
  ]);
  return Object.fromEntries(states);
}

async function encodeWithImages(
  model: Qwen2_5_VLForConditionalGeneration | Qwen3VLForConditionalGeneration,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const pixelValues = input("pixel_values");
  if (pixelValues === undefined) return await encodePlaced(model, input, call);
  const imageGridThw = call.inputs.image_grid_thw as unknown as [number, number, number][];
  const indices = Object.keys(call.outputs).map((_, i) => i);
  const images = { pixelValues, imageGridThw };
  const states = await model.hiddenStates(input("input_ids")!, indices, { images });
  return Object.fromEntries(states.map((state, i) => [`hidden_states.${i}`, state]));
}

async function encodePlaced(
  model: Pick<Qwen3Model, "forward" | "hiddenStates">,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const positionIds = input("position_ids")?.squeeze(0);
  if (positionIds === undefined) return await encodeCausal(model, input);
  const indices = Object.keys(call.outputs).map((_, i) => i);
  const given = { attentionMask: input("attention_mask"), positionIds };
  const states = await model.hiddenStates(input("input_ids")!, indices, given);
  return Object.fromEntries(states.map((state, i) => [`hidden_states.${i}`, state]));
}

async function seeDepth(model: DepthEstimator, input: Inputs): Promise<Outputs> {
  return { predicted_depth: (await model.forward(input("pixel_values")!)).predictedDepth };
}

async function quantize(model: VQModel, input: Inputs, call: ModelCall): Promise<Outputs> {
  const { force_not_quantize, shape } = call.inputs as Record<string, unknown>;
  const z = input("z");
  switch (call.method) {
    case "encode":
      return { latents: (await model.encode(input("sample")!)).latents };
    case "quantize":
      return snakeCase({ ...await model.quantize(z!) });
    case "decode":
      return snakeCase({
        ...await model.decode(z!, {
          forceNotQuantize: force_not_quantize as boolean,
          shape: shape as [number, number, number, number],
        }),
      });
    default:
      return snakeCase({ ...await model.forward(input("sample")!) });
  }
}

function snakeCase({ commitLoss, ...rest }: Readonly<Record<string, Tensor>>): Outputs {
  return { ...rest as Outputs, commit_loss: commitLoss };
}

async function encodeWithBert(model: LDMBertModel, input: Inputs): Promise<Outputs> {
  const { lastHiddenState, hiddenStates } = await model.forward(input("input_ids"), {
    attentionMask: input("attention_mask"),
    positionIds: input("position_ids"),
    headMask: input("head_mask"),
    inputsEmbeds: input("inputs_embeds"),
    outputHiddenStates: true,
  });
  const states = hiddenStates!.map((state, i) => [`hidden_states.${i}`, state]);
  return { last_hidden_state: lastHiddenState, ...Object.fromEntries(states) };
}

/** What FLUX.1's transformers and their ControlNets are given alike. */
function tokenOptions(input: Inputs) {
  return {
    encoderHiddenStates: input("encoder_hidden_states")!,
    pooledProjections: input("pooled_projections")!,
    imgIds: input("img_ids")!,
    txtIds: input("txt_ids")!,
    guidance: numbersOf(input("guidance")),
  };
}

function numbersOf(tensor: Tensor | undefined): number[] | undefined {
  return tensor && Array.from(tensor.data, Number);
}

/** Tensors that a call has under `NAME.0`, `NAME.1` and so on. */
function listed(name: string, input: Inputs, { inputs }: ModelCall) {
  return Object.keys(inputs).filter((key) => key.startsWith(`${name}.`)).map((key) => input(key)!);
}

async function denoiseTokens(
  model: FluxTransformer2DModel,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  return await model.forward(input("hidden_states")!, numbersOf(input("timestep"))!, {
    ...tokenOptions(input),
    controlnetBlockSamples: listed("controlnet_block_samples", input, call),
    controlnetSingleBlockSamples: listed("controlnet_single_block_samples", input, call),
    controlnetBlocksRepeat: call.inputs.controlnet_blocks_repeat as boolean | undefined,
  });
}

/** Transformers that are given tokens with their places, and states of a text. */
type PlacedTokens =
  | ChromaTransformer2DModel
  | LongCatImageTransformer2DModel
  | OvisImageTransformer2DModel;

async function denoiseMasked(model: PlacedTokens, input: Inputs): Promise<Outputs> {
  return await model.forward(input("hidden_states")!, numbersOf(input("timestep"))!, {
    encoderHiddenStates: input("encoder_hidden_states")!,
    imgIds: input("img_ids")!,
    txtIds: input("txt_ids")!,
    attentionMask: input("attention_mask"),
  });
}

async function encodeImage(model: SiglipVisionModel, input: Inputs): Promise<Outputs> {
  const { lastHiddenState, poolerOutput } = await model.forward(input("pixel_values")!);
  return { last_hidden_state: lastHiddenState, pooler_output: poolerOutput };
}

async function embedImage(model: ReduxImageEncoder, input: Inputs): Promise<Outputs> {
  return { image_embeds: (await model.forward(input("x")!)).imageEmbeds };
}

async function controlTokens(
  model: FluxControlNetModel,
  input: Inputs,
  { inputs }: ModelCall,
): Promise<Outputs> {
  const output = await model.forward(
    input("hidden_states")!,
    numbersOf(input("timestep"))!,
    {
      ...tokenOptions(input),
      controlnetCond: input("controlnet_cond")!,
      controlnetMode: numbersOf(input("controlnet_mode"))?.[0],
      conditioningScale: inputs.conditioning_scale as number,
    },
  );
  const named = (name: string, samples: readonly Tensor[]) =>
    samples.map((sample, i) => [`${name}.${i}`, sample] as const);
  return Object.fromEntries([
    ...named("controlnet_block_samples", output.controlnetBlockSamples),
    ...named("controlnet_single_block_samples", output.controlnetSingleBlockSamples),
  ]);
}

async function denoiseWithTexts(
  model: ZImageTransformer2DModel,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const texts = Object.keys(call.inputs).filter((name) => name.startsWith("cap_feats."));
  return await model.forward(
    input("hidden_states")!,
    Array.from(input("timestep")!.data, Number),
    { encoderHiddenStates: texts.map((name) => input(name)!) },
  );
}

async function denoiseAtPlaces(
  model: Flux2Transformer2DModel,
  input: Inputs,
): Promise<Outputs> {
  const numbers = (name: string) => input(name) && Array.from(input(name)!.data, Number);
  return await model.forward(input("hidden_states")!, numbers("timestep")!, {
    encoderHiddenStates: input("encoder_hidden_states")!,
    imgIds: input("img_ids")!,
    txtIds: input("txt_ids")!,
    guidance: numbers("guidance"),
  });
}

async function denoiseFrame(model: CosmosTransformer3DModel, input: Inputs): Promise<Outputs> {
  return await model.forward(input("hidden_states")!, numbersOf(input("timestep"))!, {
    encoderHiddenStates: input("encoder_hidden_states")!,
  });
}

async function conditionText(model: AnimaTextConditioner, input: Inputs): Promise<Outputs> {
  const states = await model.forward(
    input("source_hidden_states")!,
    input("target_input_ids")!,
    {
      targetAttentionMask: input("target_attention_mask"),
      sourceAttentionMask: input("source_attention_mask"),
    },
  );
  return { states };
}

async function denoiseModes(model: Flux3Transformer2DModel, input: Inputs): Promise<Outputs> {
  return await model.forward(input("hidden_states")!, numbersOf(input("timestep"))!, {
    encoderHiddenStates: input("encoder_hidden_states")!,
    imgIds: input("img_ids")!,
    txtIds: input("txt_ids")!,
    imageCondHiddenStates: input("image_cond_hidden_states"),
    imageCondIds: input("image_cond_ids"),
    targetTimestep: numbersOf(input("target_timestep")),
  });
}

async function denoiseShapes(
  model: QwenImageTransformer2DModel,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  return await model.forward(
    input("hidden_states")!,
    Array.from(input("timestep")!.data, Number),
    {
      ...shapedTexts(input, call),
      additionalTCond: call.inputs.additional_t_cond as number | undefined,
      controlnetBlockSamples: listed("controlnet_block_samples", input, call),
    },
  );
}

function shapedTexts(input: Inputs, call: ModelCall) {
  return {
    encoderHiddenStates: listed("texts", input, call),
    imgShapes: call.inputs.img_shapes as unknown as [number, number, number][],
  };
}

async function controlShapes(
  model: QwenImageControlNetModel,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const { controlnetBlockSamples } = await model.forward(
    input("hidden_states")!,
    numbersOf(input("timestep"))!,
    {
      ...shapedTexts(input, call),
      controlnetCond: input("controlnet_cond")!,
      conditioningScale: call.inputs.conditioning_scale as number,
    },
  );
  return blockSamples(controlnetBlockSamples);
}

async function controlWithTexts(
  model: ZImageControlNetModel,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const transformer = await ZImageTransformer2DModel.fromPretrained(fixture("tiny-z-image"), {
    subfolder: "transformer",
  });
  const { controlnetBlockSamples } = await model.forward(
    input("hidden_states")!,
    numbersOf(input("timestep"))!,
    {
      transformer,
      controlContext: input("control_context")!,
      encoderHiddenStates: listed("texts", input, call),
      conditioningScale: call.inputs.conditioning_scale as number,
    },
  );
  const samples = blockSamples(Object.values(controlnetBlockSamples));
  await transformer.dispose();
  return samples;
}

function blockSamples(samples: readonly Tensor[]): Outputs {
  return Object.fromEntries(
    samples.map((sample, i) => [`controlnet_block_samples.${i}`, sample]),
  );
}

async function denoiseJointly(
  model: SD3Transformer2DModel,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  return await model.forward(
    input("hidden_states")!,
    Array.from(input("timestep")!.data, Number),
    {
      encoderHiddenStates: input("encoder_hidden_states")!,
      pooledProjections: input("pooled_projections")!,
      skipLayers: call.inputs.skip_layers as number[] | undefined,
      blockControlnetHiddenStates: listed("block_controlnet_hidden_states", input, call),
    },
  );
}

async function controlJointly(
  model: SD3ControlNetModel,
  input: Inputs,
  { inputs }: ModelCall,
): Promise<Outputs> {
  const { controlnetBlockSamples } = await model.forward(
    input("hidden_states")!,
    numbersOf(input("timestep"))!,
    {
      controlnetCond: input("controlnet_cond")!,
      conditioningScale: inputs.conditioning_scale as number,
      encoderHiddenStates: input("encoder_hidden_states"),
      pooledProjections: input("pooled_projections")!,
    },
  );
  return blockSamples(controlnetBlockSamples);
}

async function denoiseByText(
  model: PixArtTransformer2DModel,
  input: Inputs,
): Promise<Outputs> {
  return await model.forward(
    input("hidden_states")!,
    Array.from(input("timestep")!.data, Number),
    {
      encoderHiddenStates: input("encoder_hidden_states")!,
      encoderAttentionMask: input("encoder_attention_mask"),
      resolution: input("resolution"),
      aspectRatio: input("aspect_ratio"),
    },
  );
}

async function denoiseByGuidance(
  model: SanaTransformer2DModel,
  input: Inputs,
): Promise<Outputs> {
  const numbers = (name: string) => input(name) && Array.from(input(name)!.data, Number);
  return await model.forward(input("hidden_states")!, numbers("timestep")!, {
    encoderHiddenStates: input("encoder_hidden_states")!,
    encoderAttentionMask: input("encoder_attention_mask"),
    guidance: numbers("guidance"),
  });
}

async function denoiseByClass(model: DiTTransformer2DModel, input: Inputs): Promise<Outputs> {
  const timestep = Array.from(input("timestep")!.data, Number);
  const classLabels = input("class_labels")!;
  return await model.forward(input("hidden_states")!, timestep, { classLabels });
}

async function denoiseByPlainText(
  model: AuraFlowTransformer2DModel,
  input: Inputs,
): Promise<Outputs> {
  const timestep = Array.from(input("timestep")!.data, Number);
  const encoderHiddenStates = input("encoder_hidden_states")!;
  return await model.forward(input("hidden_states")!, timestep, { encoderHiddenStates });
}

async function denoiseByMaskedText(
  model: Lumina2Transformer2DModel,
  input: Inputs,
): Promise<Outputs> {
  const timestep = Array.from(input("timestep")!.data, Number);
  return await model.forward(input("hidden_states")!, timestep, {
    encoderHiddenStates: input("encoder_hidden_states")!,
    encoderAttentionMask: input("encoder_attention_mask")!,
  });
}

async function denoiseOnGrid(
  model: QwenImage21Transformer2DModel,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const [rows, columns] = numbersOf(input("grid"))! as [number, number];
  const texts = Object.keys(call.inputs).filter((name) => name.startsWith("texts."));
  const timestep = numbersOf(input("timestep"))!;
  const images = Object.keys(call.inputs).filter((name) => /^references\..*\.grid$/.test(name))
    .map((_, i) => ({
      text: input(`references.${i}.text`)!,
      tokens: input(`references.${i}.tokens`)!,
      grid: numbersOf(input(`references.${i}.grid`))! as [number, number],
    }));
  return await model.forward(input("hidden_states")!, timestep, {
    encoderHiddenStates: texts.map((name) => input(name)!),
    grid: [rows, columns],
    references: images.length === 0 ? undefined : await model.references(images, timestep[0]),
  });
}

async function denoiseBesideText(
  model: ErnieImageTransformer2DModel,
  input: Inputs,
  call: ModelCall,
): Promise<Outputs> {
  const texts = Object.keys(call.inputs).filter((name) => name.startsWith("texts."));
  return await model.forward(input("hidden_states")!, numbersOf(input("timestep"))!, {
    encoderHiddenStates: texts.map((name) => input(name)!),
  });
}

/** Padding, which the reference masks, is left out: what of a text counts stands at its beginning. */
async function denoiseByLayeredText(
  model: Krea2Transformer2DModel,
  input: Inputs,
): Promise<Outputs> {
  const hiddenStates = input("hidden_states")!;
  const lengths = input("encoder_attention_mask")!.toFloat32Array();
  const states = input("encoder_hidden_states")!;
  const [rows, longest] = states.dims as [number, number];
  const encoderHiddenStates = Array.from({ length: rows }, (_, row) => {
    const counted = lengths.slice(row * longest, (row + 1) * longest)
      .reduce((sum, value) => sum + value, 0);
    return states.slice(0, row, row + 1).slice(1, 0, counted).squeeze(0);
  });
  return await model.forward(hiddenStates, Array.from(input("timestep")!.data, Number), {
    encoderHiddenStates,
    imgIds: input("position_ids")!.slice(0, longest, longest + hiddenStates.dims[1]!),
  });
}

async function encodeAndDecode(model: AutoencoderDC, input: Inputs): Promise<Outputs> {
  const { latentDist } = await model.encode(input("sample")!);
  return { latents: latentDist.mode(), ...await model.decode(input("z")!) };
}

async function denoiseWaveforms(model: StableAudioDiTModel, input: Inputs): Promise<Outputs> {
  const [cos, sin] = [input("rotary_embedding.0"), input("rotary_embedding.1")];
  return await model.forward(input("hidden_states")!, numbersOf(input("timestep"))!, {
    encoderHiddenStates: input("encoder_hidden_states")!,
    globalHiddenStates: input("global_hidden_states")!,
    rotaryEmbedding: cos && sin && { cos, sin },
  });
}

async function projectTextAndTimes(
  model: StableAudioProjectionModel,
  input: Inputs,
): Promise<Outputs> {
  const seconds = (name: string) => numbersOf(input(`${name}_seconds`))!;
  const { start, end } = await model.seconds(seconds("start"), seconds("end"));
  return {
    text_hidden_states: await model.text(input("text_hidden_states")!),
    seconds_start_hidden_states: start,
    seconds_end_hidden_states: end,
  };
}

async function encodeForAudio(
  model: ClapTextModelWithProjection,
  input: Inputs,
): Promise<Outputs> {
  const output = await model.forward(input("input_ids")!, {
    attentionMask: input("attention_mask"),
    outputHiddenStates: true,
  });
  const states = output.hiddenStates!.map((state, i) => [`hidden_states.${i}`, state]);
  return {
    last_hidden_state: output.lastHiddenState,
    text_embeds: output.textEmbeds,
    ...Object.fromEntries(states),
  };
}

/** States of the layers as they are, padding included, and those after the final norm. */
async function encodePadding(model: ChatGLMModel, input: Inputs): Promise<Outputs> {
  const ids = input("input_ids")!;
  const options = { attentionMask: input("attention_mask"), positionIds: input("position_ids") };
  const indices = Array.from({ length: model.config.num_layers + 1 }, (_, i) => i);
  const states = await model.hiddenStates(ids, indices, { ...options, finalNorm: false });
  const [last] = await model.hiddenStates(ids, [-1], options);
  return {
    ...Object.fromEntries(states.map((state, i) => [`hidden_states.${i}`, state])),
    last_hidden_state: last,
  };
}

async function encodeInAnyLanguage(model: MultilingualCLIP, input: Inputs): Promise<Outputs> {
  const { textEmbeds, lastHiddenState } = await model.forward(input("input_ids")!, {
    attentionMask: input("attention_mask"),
  });
  return { text_embeds: textEmbeds, last_hidden_state: lastHiddenState };
}

async function readEmbeddings(model: GPT2Model, input: Inputs): Promise<Outputs> {
  const attentionMask = input("attention_mask");
  return { last_hidden_state: await model.forward(input("inputs_embeds")!, { attentionMask }) };
}

async function projectBoth(model: AudioLDM2ProjectionModel, input: Inputs): Promise<Outputs> {
  return {
    hidden_states: await model.forward(input("hidden_states")!, input("hidden_states_1")!),
  };
}

async function denoiseByBoth(
  model: AudioLDM2UNet2DConditionModel,
  input: Inputs,
): Promise<Outputs> {
  const timestep = input("timestep") as number | Tensor | undefined;
  return await model.forward(input("sample")!, timestep as number, {
    encoderHiddenStates: input("encoder_hidden_states"),
    encoderHiddenStates1: input("encoder_hidden_states_1"),
    encoderAttentionMask1: input("encoder_attention_mask_1"),
  });
}

async function denoiseByConditions(
  model: AceStepTransformer1DModel,
  input: Inputs,
): Promise<Outputs> {
  return await model.forward(input("hidden_states")!, numbersOf(input("timestep"))!, {
    encoderHiddenStates: input("encoder_hidden_states")!,
    contextLatents: input("context_latents")!,
    timestepR: numbersOf(input("timestep_r"))!,
  });
}

async function encodeConditions(
  model: AceStepConditionEncoder,
  input: Inputs,
): Promise<Outputs> {
  const { encoderHiddenStates, encoderAttentionMask } = await model.forward({
    textHiddenStates: input("text_hidden_states")!,
    textAttentionMask: input("text_attention_mask")!,
    lyricHiddenStates: input("lyric_hidden_states")!,
    lyricAttentionMask: input("lyric_attention_mask")!,
    referAudioAcousticHiddenStatesPacked: input("refer_audio_acoustic_hidden_states_packed")!,
    referAudioOrderMask: numbersOf(input("refer_audio_order_mask"))!,
  });
  return {
    encoder_hidden_states: encoderHiddenStates,
    encoder_attention_mask: encoderAttentionMask,
  };
}

async function tokenizeLatents(
  model: AceStepAudioTokenizer,
  input: Inputs,
): Promise<Outputs> {
  return {
    ...await model.tokenize(input("latents")!, input("silence_latent")),
    output: await model.outputFromIndices(input("indices")!),
  };
}

async function expandTokens(
  model: AceStepAudioTokenDetokenizer,
  input: Inputs,
): Promise<Outputs> {
  return { latents: await model.forward(input("hidden_states")!) };
}

async function projectVectors(model: CLIPImageProjection, input: Inputs): Promise<Outputs> {
  return { projected: await model.forward(input("embeds")!) };
}

async function encodeExamples(model: PaintByExampleImageEncoder, input: Inputs): Promise<Outputs> {
  return { ...await model.forward(input("pixel_values")!) };
}

async function vocode(model: SpeechT5HifiGan, input: Inputs): Promise<Outputs> {
  return { waveform: await model.forward(input("spectrogram")!) };
}

const CALLS: Record<string, (model: never, input: Inputs, call: ModelCall) => Promise<Outputs>> = {
  UNet1DModel: denoise,
  UNet2DModel: denoise,
  UNet2DConditionModel: denoise,
  PriorTransformer: predictVectors,
  UVit2DModel: guessTokens,
  UnCLIPTextProjModel: projectConditioning,
  StableUnCLIPImageNormalizer: normalizeVectors,
  CLIPImageProjection: projectVectors,
  PaintByExampleImageEncoder: encodeExamples,
  IFSafetyChecker: detectImages,
  UNetControlNetXSModel: denoiseControlled,
  ControlNetXSAdapter: denoiseJoined,
  AutoencoderKL: encodeOrDecode,
  ConsistencyDecoderVAE: encodeOrDecodeInSteps,
  AutoencoderKLQwenImage: encodeOrDecode,
  AutoencoderKLQwenImage21: encodeOrDecode,
  AutoencoderKLFlux2: encodeOrDecode,
  AutoencoderTiny: encodeOrDecode,
  ControlNetModel: residuals,
  ControlNetUnionModel: unionResiduals,
  T2IAdapter: adapt,
  DPTForDepthEstimation: seeDepth,
  LDMBertModel: encodeWithBert,
  VQModel: quantize,
  CLIPTextModel: encodeText,
  CLIPTextModelWithProjection: encodeText,
  T5EncoderModel: encodePlain,
  UMT5EncoderModel: encodePlain,
  Qwen3Model: encodeCausal,
  Gemma2Model: encodeCausal,
  Gemma3TextModel: encodeCausal,
  Gemma3ForConditionalGeneration: encodeCausal,
  LlamaModel: encodeCausal,
  Mistral3ForConditionalGeneration: encodeCausal,
  Qwen3VLForConditionalGeneration: encodeWithImages,
  Qwen2_5_VLForConditionalGeneration: encodeWithImages,
  FluxTransformer2DModel: denoiseTokens,
  FluxControlNetModel: controlTokens,
  SiglipVisionModel: encodeImage,
  ReduxImageEncoder: embedImage,
  ChromaTransformer2DModel: denoiseMasked,
  LongCatImageTransformer2DModel: denoiseMasked,
  OvisImageTransformer2DModel: denoiseMasked,
  ZImageTransformer2DModel: denoiseWithTexts,
  ZImageControlNetModel: controlWithTexts,
  QwenImageTransformer2DModel: denoiseShapes,
  QwenImageControlNetModel: controlShapes,
  Flux2Transformer2DModel: denoiseAtPlaces,
  Flux3Transformer2DModel: denoiseModes,
  CosmosTransformer3DModel: denoiseFrame,
  AnimaTextConditioner: conditionText,
  SD3Transformer2DModel: denoiseJointly,
  SD3ControlNetModel: controlJointly,
  PixArtTransformer2DModel: denoiseByText,
  SanaTransformer2DModel: denoiseByGuidance,
  AutoencoderDC: encodeAndDecode,
  AuraFlowTransformer2DModel: denoiseByPlainText,
  Lumina2Transformer2DModel: denoiseByMaskedText,
  Krea2Transformer2DModel: denoiseByLayeredText,
  QwenImage21Transformer2DModel: denoiseOnGrid,
  ErnieImageTransformer2DModel: denoiseBesideText,
  DiTTransformer2DModel: denoiseByClass,
  AutoencoderOobleck: encodeOrDecode,
  StableAudioDiTModel: denoiseWaveforms,
  StableAudioProjectionModel: projectTextAndTimes,
  AceStepTransformer1DModel: denoiseByConditions,
  AceStepConditionEncoder: encodeConditions,
  AceStepAudioTokenizer: tokenizeLatents,
  AceStepAudioTokenDetokenizer: expandTokens,
  AudioLDM2ProjectionModel: projectBoth,
  AudioLDM2UNet2DConditionModel: denoiseByBoth,
  GPT2LMHeadModel: readEmbeddings,
  GPT2Model: readEmbeddings,
  ClapModel: encodeForAudio,
  ClapTextModelWithProjection: encodeForAudio,
  SpeechT5HifiGan: vocode,
  MultilingualCLIP: encodeInAnyLanguage,
  ChatGLMModel: encodePadding,
};

/** The classes that can be compared. */
export const MODEL_CLASSES: readonly string[] = Object.keys(CALLS);

/** Calls a model; its outputs by their names in the reference. */
export async function callModel(
  model: Model,
  call: ModelCall,
  golden: Pick<ModelGolden, "value">,
): Promise<Readonly<Outputs>> {
  const input = (name: string) => golden.value(call.inputs[name]) as Tensor | undefined;
  return await CALLS[model.className]!(model as never, input, call);
}

/** The relative difference of each output of a call, by its name in the reference. */
export async function compareCall(
  model: Model,
  call: ModelCall,
  golden: ModelGolden,
): Promise<Record<string, number>> {
  const outputs = await callModel(model, call, golden);
  const differences = Object.entries(call.outputs).map(([name, stored]) => {
    const expected = golden.value(stored) as Tensor;
    const actual = outputs[name];
    return [name, actual === undefined ? Infinity : relativeDifference(actual, expected)];
  });
  return Object.fromEntries(differences);
}
