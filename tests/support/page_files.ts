/**
 * What the pages of the documentation speak of: small repos under the ids of the Hub that they name, and files of the reader's
 * own.
 *
 * @module
 */
import { cp, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { DenoiseAudio } from "@denoise/audio";
import { filesBelow } from "./folder.ts";
import { fixture } from "./golden.ts";
import type { HubServer } from "./hub_server.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Small repos under the ids of the pages. */
const REPOS: Readonly<Record<string, string>> = {
  "stable-diffusion-v1-5/stable-diffusion-v1-5": "tiny-stable-diffusion",
  "black-forest-labs/FLUX.1-schnell": "tiny-flux-schnell",
  "stabilityai/stable-diffusion-xl-base-1.0": "tiny-stable-diffusion-xl",
  "google/ddpm-cat-256": "tiny-ddpm-root",
  "lllyasviel/sd-controlnet-canny": "models/ControlNetModel/sd1",
  "stabilityai/stable-audio-open-1.0": "tiny-stable-audio",
  // where the modular indices of three families say that their parts lie
  "tiny/tiny-anima": "tiny-anima",
  "tiny/tiny-flux3": "tiny-flux3",
  "tiny/tiny-flux3-distilled": "tiny-flux3-distilled",
};

/** Those of docs/families: they make small images in a few steps where a call does not say otherwise. */
const FAMILY_REPOS: Readonly<Record<string, string>> = {
  "Tongyi-MAI/Z-Image-Turbo": "tiny-z-image",
  "hlky/Z-Image-Turbo-Fun-Controlnet-Union-2.0": "models/ZImageControlNetModel/union2",
  "black-forest-labs/FLUX.2-klein-4B": "tiny-flux2-klein",
  "black-forest-labs/FLUX.2-klein-9b-kv": "tiny-flux2-klein",
  "black-forest-labs/FLUX.2-dev": "tiny-flux2-dev",
  "black-forest-labs/flux-3-image-klein": "tiny-flux3-distilled",
  "black-forest-labs/flux-3-image-klein-base": "tiny-flux3",
  "Qwen/Qwen-Image": "tiny-qwen-image",
  "InstantX/Qwen-Image-ControlNet-Union": "models/QwenImageControlNetModel/union",
  "InstantX/Qwen-Image-ControlNet-Inpainting": "models/QwenImageControlNetModel/inpaint",
  "Qwen/Qwen-Image-Edit": "tiny-qwen-image-edit",
  "Qwen/Qwen-Image-Edit-2509": "tiny-qwen-image-edit-plus",
  "Qwen/Qwen-Image-Layered": "tiny-qwen-image-layered",
  "Qwen/Qwen-Image-2.1": "tiny-qwen-image21",
  "circlestone-labs/Anima-Base-v1.0-Diffusers": "tiny-anima",
  "krea/Krea-2-Turbo": "tiny-krea2-turbo",
  "krea/Krea-2-Raw": "tiny-krea2",
  "baidu/ERNIE-Image": "tiny-ernie-image",
  "baidu/ERNIE-Image-Turbo": "tiny-ernie-image",
  "AIDC-AI/Ovis-Image-7B": "tiny-ovis-image",
  "meituan-longcat/LongCat-Image": "tiny-longcat-image",
  "meituan-longcat/LongCat-Image-Edit": "tiny-longcat-image-edit",
  "ACE-Step/acestep-v15-xl-turbo-diffusers": "tiny-ace-step",
  "cvssp/audioldm-s-full-v2": "tiny-audioldm",
  "cvssp/audioldm2": "tiny-audioldm2",
  "ucsd-reach/musicldm": "tiny-musicldm",
};

const SMALL = {
  ...{ num_inference_steps: 2, height: 64, width: 64, output_resolution: 64 },
  audio_duration: 1,
};

const SKETCH = "docs/images/tasks/sketch.png";
const lora = (name: string) => `tests/golden/lora/${name}.safetensors`;

/** Files that the pages speak of as the reader's own. */
const FILES: Readonly<Record<string, string>> = {
  "pixel-art.safetensors": lora("early"),
  "watercolour.safetensors": lora("kohya"),
  "lcm-lora-sdv1-5.safetensors": lora("kohya"),
  "tcd-sd15-lora.safetensors": lora("kohya"),
  "Hyper-SD15-1step-lora.safetensors": lora("kohya"),
  "Hyper-SD15-8steps-lora.safetensors": lora("kohya"),
  "sdxl_lightning_4step_lora.safetensors": lora("xl"),
  "Qwen-Image-Lightning-8steps-V1.1.safetensors": lora("qwen-image-peft"),
  "Qwen-Image-Edit-2509-Lightning-8steps-V1.0-bf16.safetensors": lora("qwen-image-peft"),
  "z_image_turbo_bf16.safetensors":
    "tests/fixtures/tiny-z-image/transformer/diffusion_pytorch_model.safetensors",
  "z-image-style.safetensors": lora("z-image-peft"),
  "klein-style.safetensors": lora("flux2-peft"),
  "flux2-turbo.safetensors": lora("flux2-dev-peft"),
  "flux3-style.safetensors": lora("flux3-peft"),
  "anima-style.safetensors": lora("anima-peft"),
  "krea-style.safetensors": lora("krea2-peft"),
  "acestep-v15-base": "tests/fixtures/tiny-ace-step",
  "qwen-image-2.1-turbo": "tests/fixtures/tiny-qwen-image21-turbo",
  "style.safetensors": "tests/golden/textual_inversion/style.safetensors",
  "learned_embeds.safetensors": "tests/golden/textual_inversion/style.safetensors",
  "model.safetensors": "tests/fixtures/single_file/sd1.safetensors",
  "mask.png": "docs/images/tasks/mask.png",
  "docs/images/tasks/mask.png": "docs/images/tasks/mask.png",
  ...Object.fromEntries(
    [
      ...["sketch.png", "cat.png", "edges.png", "statue.png", "left.png", "right.png", SKETCH],
      ...["sofa.png", "ball.png", "field.png"],
    ].map((name) => [name, SKETCH]),
  ),
  "IP-Adapter/models/image_encoder": "tests/fixtures/ip_adapter/image_encoder",
  "IP-Adapter/models/ip-adapter_sd15.safetensors": "tests/fixtures/ip_adapter/plain.safetensors",
};

/** Puts the small repos on a Hub. */
export async function addPageRepos(hub: HubServer): Promise<void> {
  for (const [id, folder] of Object.entries(REPOS)) await hub.addFolder(id, fixture(folder));
  for (const [id, name] of Object.entries(FAMILY_REPOS)) {
    const folder = fixture(name);
    const files = await Promise.all((await filesBelow(folder)).map(async (file) => {
      const bytes = await Deno.readFile(`${folder}/${file}`);
      if (!/^(modular_)?model_index\.json$/.test(file)) return [file, bytes] as const;
      const index = { ...JSON.parse(new TextDecoder().decode(bytes)), _defaults: SMALL };
      return [file, JSON.stringify(index)] as const;
    }));
    hub.addRepo(id, Object.fromEntries(files));
  }
}

/** Lays the files of the pages into a folder. */
export async function layPageFiles(folder: string): Promise<void> {
  for (const [to, from] of Object.entries(FILES)) {
    await mkdir(dirname(`${folder}/${to}`), { recursive: true });
    await cp(`${root}${from}`, `${folder}/${to}`, { recursive: true });
  }
  // two seconds at the rate of the small models
  const samples = Float32Array.from({ length: 160 }, (_, i) => Math.sin(i / 3) / 4);
  await new DenoiseAudio(40, 2, samples).save(`${folder}/song.wav`);
}
