/** Repos in the shape of well-known ones, with tiny contents, for the test Hub. */

/** Tensors of a made-up safetensors file: name to shape; all float32. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** A safetensors file with those tensors, filled with a pattern. */
export function safetensors(shapes: Shapes, fill = 1): Uint8Array<ArrayBuffer> {
  let place = 0;
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const start = place;
    place += shape.reduce((product, size) => product * size, 4);
    return [name, { dtype: "F32", shape, data_offsets: [start, place] }];
  });
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + place).fill(0x20, 8, 8 + length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  for (let at = 8 + length; at < bytes.length; at++) bytes[at] = (at * 7 + fill) & 0x3f;
  return bytes;
}

/** A repo's files by name. */
export type RepoFiles = Record<string, string | Uint8Array<ArrayBuffer>>;

/** The repo of Stable Diffusion 1.5 as the Hub has it (names of July 2024), contents made up. */
export function stableDiffusionRepo(): RepoFiles {
  const index = {
    _class_name: "StableDiffusionPipeline",
    _diffusers_version: "0.6.0",
    feature_extractor: ["transformers", "CLIPImageProcessor"],
    safety_checker: ["stable_diffusion", "StableDiffusionSafetyChecker"],
    scheduler: ["diffusers", "PNDMScheduler"],
    text_encoder: ["transformers", "CLIPTextModel"],
    tokenizer: ["transformers", "CLIPTokenizer"],
    unet: ["diffusers", "UNet2DConditionModel"],
    vae: ["diffusers", "AutoencoderKL"],
  };
  const files: RepoFiles = {
    ".gitattributes": "*.safetensors filter=lfs",
    "README.md": "# Stable Diffusion",
    "feature_extractor/preprocessor_config.json": '{"size": 224}',
    "model_index.json": JSON.stringify(index, null, 2),
    "scheduler/scheduler_config.json": '{"_class_name": "PNDMScheduler"}',
    "tokenizer/merges.txt": "#version: 0.2\na b\n",
    "tokenizer/special_tokens_map.json": '{"pad_token": "!"}',
    "tokenizer/tokenizer_config.json": '{"model_max_length": 77}',
    "tokenizer/vocab.json": '{"!": 0}',
    "v1-5-pruned-emaonly.ckpt": "pickle",
    "v1-5-pruned-emaonly.safetensors": safetensors({ all: [8] }),
    "v1-inference.yaml": "model: x",
  };
  const models = { text_encoder: "model", safety_checker: "model" };
  let fill = 0;
  for (const role of ["safety_checker", "text_encoder", "unet", "vae"]) {
    const stem = role in models ? "model" : "diffusion_pytorch_model";
    const pickle = role in models ? "pytorch_model" : "diffusion_pytorch_model";
    files[`${role}/config.json`] = JSON.stringify({ _class_name: index[role as "vae"][1] });
    for (const variant of role === "unet" ? ["", ".fp16", ".non_ema"] : ["", ".fp16"]) {
      const weights = safetensors({ [`${role}.weight`]: [16, 16] }, fill++);
      files[`${role}/${stem}${variant}.safetensors`] = weights;
      files[`${role}/${pickle}${variant}.bin`] = `pickle ${role}${variant}`;
    }
  }
  return files;
}

/** The repo google/ddpm-cat-256, which has everything at its root, contents made up. */
export function ddpmRepo(): RepoFiles {
  return {
    ".gitattributes": "*.bin filter=lfs",
    "README.md": "# cats",
    "config.json": '{"_class_name": "UNet2DModel"}',
    "diffusion_pytorch_model.bin": "pickle",
    "diffusion_pytorch_model.safetensors": safetensors({ "conv_in.weight": [64, 64] }),
    "images/cat.png": "not an image",
    "model_index.json": JSON.stringify({
      _class_name: "DDPMPipeline",
      _diffusers_version: "0.0.4",
      scheduler: ["diffusers", "DDPMScheduler"],
      unet: ["diffusers", "UNet2DModel"],
    }),
    "scheduler_config.json": '{"_class_name": "DDPMScheduler"}',
  };
}
