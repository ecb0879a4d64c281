/** Random repos for comparing plans: pipelines with every odd way to store weights. */

/** A repo's files and what is wanted of it. */
export interface PlanCase {
  readonly index: Record<string, unknown>;
  readonly names: readonly string[];
  readonly variant: string | null;
  readonly skip: readonly string[];
}

/** What the reference says to a case. */
export type PlanAnswer = { readonly files: readonly string[] } | { readonly error: string };

type Role = readonly [library: string, className: string, kind: "model" | "small"];

const PIPELINES: Record<string, Record<string, Role>> = {
  StableDiffusionPipeline: {
    vae: ["diffusers", "AutoencoderKL", "model"],
    text_encoder: ["transformers", "CLIPTextModel", "model"],
    tokenizer: ["transformers", "CLIPTokenizer", "small"],
    unet: ["diffusers", "UNet2DConditionModel", "model"],
    scheduler: ["diffusers", "PNDMScheduler", "small"],
    safety_checker: ["stable_diffusion", "StableDiffusionSafetyChecker", "model"],
    feature_extractor: ["transformers", "CLIPImageProcessor", "small"],
    image_encoder: ["transformers", "CLIPVisionModelWithProjection", "model"],
  },
  FluxPipeline: {
    scheduler: ["diffusers", "FlowMatchEulerDiscreteScheduler", "small"],
    vae: ["diffusers", "AutoencoderKL", "model"],
    text_encoder: ["transformers", "CLIPTextModel", "model"],
    tokenizer: ["transformers", "CLIPTokenizer", "small"],
    text_encoder_2: ["transformers", "T5EncoderModel", "model"],
    tokenizer_2: ["transformers", "T5TokenizerFast", "small"],
    transformer: ["diffusers", "FluxTransformer2DModel", "model"],
  },
  DDPMPipeline: {
    unet: ["diffusers", "UNet2DModel", "model"],
    scheduler: ["diffusers", "DDPMScheduler", "small"],
  },
};

const SMALL: Record<string, readonly string[]> = {
  scheduler: ["scheduler_config.json"],
  tokenizer: ["vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"],
  tokenizer_2: ["spiece.model", "tokenizer.json", "tokenizer_config.json", "sub/extra.txt"],
  feature_extractor: ["preprocessor_config.json"],
};

const NOISE = [
  ".gitattributes",
  "README.md",
  "robin",
  "assets/a cat [1].png",
  "v1-5-pruned.safetensors",
  "v1-5-pruned.ckpt",
  "model.safetensors",
  "model.fp16.safetensors",
  "pytorch_model.bin",
  "config.json",
  "scheduler_config.json",
  "pipeline.py",
  "tokenizer.json",
  "preprocessor_config.json",
  "extra/model.safetensors",
  "extra/model.fp16.safetensors",
  "extra/config.json",
  "unet/sub/diffusion_pytorch_model.safetensors",
  "unet/my_unet.py",
  "vae/README.md",
  "vae/weights.pb",
  "vae/model.onnx",
  "unet/model.onnx",
  "unet/flax_model.msgpack",
  "safety_checker/flax_model.msgpack",
  "text_encoder/model.flashpack",
  "tokenizer/model.safetensors",
  "tokenizer/strobin",
  "scheduler/weights.bin",
  "text_encoder/model.safetensors.index.json.bak",
];

/** A stream of numbers in 0..1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function weightNames(random: () => number): string[] {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const base = pick(["diffusion_pytorch_model", "model", "pytorch_model"]);
  const extensions = random() < 0.02 ? ["bin"] : ["safetensors", ...pick([[], ["bin"]])];
  return extensions.flatMap((extension) => {
    const variant = random() < 0.6 ? "" : pick([...Array(7).fill("both"), "fp16", "non_ema"]);
    const variants = variant === "both" ? ["", "fp16"] : [variant];
    return variants.flatMap((name) => {
      const dotted = name === "" ? "" : `.${name}`;
      if (random() < 0.75) return [`${base}${dotted}.${extension}`];
      const legacy = random() < 0.3;
      return [
        ...["00001-of-00002", "00002-of-00002"].map((shard) =>
          legacy
            ? `${base}-${shard}${dotted}.${extension}`
            : `${base}${dotted}-${shard}.${extension}`
        ),
        legacy
          ? `${base}.${extension}${dotted}.index.json`
          : `${base}.${extension}.index${dotted}.json`,
      ];
    });
  });
}

/** A random case. */
export function planCase(random: () => number): PlanCase {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const className = pick(Object.keys(PIPELINES));
  const index: Record<string, unknown> = { _class_name: className, _diffusers_version: "0.42.1" };
  const names = new Set(["model_index.json"]);
  const skip: string[] = [];
  const flat = random() < 0.1;
  for (const [role, [library, component, kind]] of Object.entries(PIPELINES[className]!)) {
    const isEmpty = random() < 0.08;
    index[role] = isEmpty ? [null, null] : [library, component];
    if (isEmpty || random() < 0.1) skip.push(role);
    if (random() < 0.05) continue;
    const folder = flat ? "" : `${role}/`;
    if (kind === "small") SMALL[role]!.forEach((name) => names.add(folder + name));
    else {
      names.add(`${folder}config.json`);
      weightNames(random).forEach((name) => names.add(folder + name));
      if (random() < 0.1) weightNames(random).forEach((name) => names.add(folder + name));
    }
  }
  NOISE.filter(() => random() < 0.12).forEach((name) => names.add(name));
  if (random() < 0.1) index["_ignore_files"] = [pick([...names]), "nothing.txt"];
  const variant = random() < 0.5 ? null : pick(["fp16", "fp16", "non_ema", "ema"]);
  return { index, names: [...names].sort(), variant, skip };
}
