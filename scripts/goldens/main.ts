/**
 * `deno task goldens [area ...]`: makes the fixtures and goldens that tests compare with, all of them or
 * those of some areas, by the reference that `scripts/reference/setup.sh` installs. The areas are
 * listed by `deno task goldens --list`. On another CPU the last bits of some numbers differ.
 *
 * @module
 */
import { makeFixtures } from "../../tests/support/fixtures.ts";
import { referencePython } from "../reference/python.ts";
import { listCopies } from "./copies.ts";

/** Scripts of scripts/reference by area, in the order in which they build on each other. */
const AREAS: Readonly<Record<string, readonly string[]>> = {
  core: ["core_goldens.py", "interpolate_goldens.py"],
  schedules: ["brownian_goldens.py"],
  diffusion: ["resize_goldens.py"],
  schedulers: ["scheduler_goldens.py"],
  safetensors: ["safetensors_goldens.py"],
  pickle: ["pickle_goldens.py"],
  quantization: ["gguf_goldens.py", "quantized_goldens.py"],
  onnx: ["onnx_goldens.py"],
  image: ["image_goldens.py"],
  tokenizers: [
    "tokenizer_goldens.py",
    "bert_tokenizer_goldens.py",
    "t5_tokenizer_goldens.py",
    "qwen2_tokenizer_goldens.py",
    "gemma_tokenizer_goldens.py",
    "roberta_tokenizer_goldens.py",
    "xlm_roberta_tokenizer_goldens.py",
    "llama_tokenizer_goldens.py",
    "chatglm_tokenizer_goldens.py",
    "pixtral_tokenizer_goldens.py",
  ],
  repos: ["make_repos.py", "task_repos.py"],
  models: [
    "goldens.py models",
    "tiny_vae_goldens.py",
    "unet_condition_goldens.py",
    "transformer_goldens.py",
    "dit_goldens.py",
    "clip_vision_goldens.py",
    "t5_goldens.py",
    "qwen3_goldens.py",
    "step_cache_goldens.py",
    "gemma2_goldens.py",
    "gemma3_goldens.py",
    "llama_goldens.py",
    "autoencoder_goldens.py",
    "qwen2_5_vl_goldens.py",
    "depth_goldens.py",
    "tiling_goldens.py",
  ],
  processors: ["processor_goldens.py"],
  pipelines: [
    "goldens.py pipelines quicktour",
    "unconditional_goldens.py",
    "single_file_goldens.py",
    "single_file_transformers.py",
  ],
  tasks: [
    "task_goldens.py",
    "control_goldens.py",
    "control_xl_goldens.py",
    "control_union_goldens.py",
    "control_xs_goldens.py",
    "deprecated_goldens.py",
    "diffedit_goldens.py",
    "gligen_goldens.py",
    "video_zero_goldens.py",
    "consistency_decoder_goldens.py",
    "ldm3d_goldens.py",
    "pag_goldens.py",
    "kolors_goldens.py",
    "paint_by_example_goldens.py",
    "t2i_adapter_goldens.py",
    "variation_goldens.py",
    "marigold_goldens.py",
    "kandinsky_goldens.py",
    "kandinsky_prior_goldens.py",
    "kandinsky21_goldens.py",
    "latent_diffusion_goldens.py",
    "pixel_goldens.py",
    "unclip_goldens.py",
    "karlo_goldens.py",
    "amused_goldens.py",
    "deepfloyd_if_goldens.py",
    "flux_goldens.py",
    "redux_goldens.py",
    "z_image_goldens.py",
    "z_image_control_goldens.py",
    "qwen_image_goldens.py",
    "qwen_image_control_goldens.py",
    "qwen_image_edit_goldens.py",
    "qwen_image_layered_goldens.py",
    "qwen_image21_goldens.py",
    "ernie_image_goldens.py",
    "flux2_goldens.py",
    "ovis_image_goldens.py",
    "longcat_image_goldens.py",
    "flux3_goldens.py",
    "anima_goldens.py",
    "sd3_goldens.py",
    "sd3_control_goldens.py",
    "pixart_goldens.py",
    "sana_goldens.py",
    "lumina2_goldens.py",
    "krea2_goldens.py",
    "aura_flow_goldens.py",
    "dit_pipeline_goldens.py",
  ],
  adapters: [
    "lora_goldens.py",
    "lora_flux_goldens.py",
    "lora_manage_goldens.py",
    "lora_transformers_goldens.py",
    "textual_inversion_goldens.py",
    "prompt_syntax_goldens.py",
    "ip_adapter_goldens.py",
    "ip_adapter_face_goldens.py",
    "ip_adapter_transformers_goldens.py",
  ],
  audio: [
    "audio_goldens.py",
    "audio_diffusion_goldens.py",
    "stable_audio_goldens.py",
    "audioldm_goldens.py",
    "audioldm2_goldens.py",
    "ace_step_goldens.py",
  ],
};

/** Packages beside the reference's own that some scripts need. */
const EXTRA: Readonly<Record<string, readonly string[]>> = {
  "audio_diffusion_goldens.py": ["librosa"],
  "gguf_goldens.py": ["gguf==0.19.0"],
  "quantized_goldens.py": ["bitsandbytes==0.50.2", "torchao==0.18.0", "optimum-quanto==0.2.7"],
  "t5_tokenizer_goldens.py": ["sentencepiece", "protobuf"],
  "xlm_roberta_tokenizer_goldens.py": ["sentencepiece", "protobuf"],
};

const names = Deno.args.length === 0 ? Object.keys(AREAS) : Deno.args;
if (names.includes("--list")) {
  for (const [area, scripts] of Object.entries(AREAS)) {
    console.log(`${area}: ${scripts.join(", ")}`);
  }
  Deno.exit();
}
const unknown = names.filter((name) => !(name in AREAS));
if (unknown.length > 0) {
  console.error(
    `Cannot make goldens of ${unknown.join(" and ")}: areas are ${Object.keys(AREAS).join(", ")}`,
  );
  Deno.exit(2);
}
makeFixtures();
const python = await referencePython();
for (const area of names) {
  for (const call of AREAS[area]!) {
    const [script, ...args] = call.split(" ") as [string, ...string[]];
    const start = performance.now();
    const extra = EXTRA[script];
    const path = new URL(`../reference/${script}`, import.meta.url).pathname;
    await run(extra === undefined ? python : await besideReference(script, extra), [path, ...args]);
    console.log(`${area}: ${call} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
  }
}
await listCopies();

/** The Python of an environment that has the reference's packages and more, so that these change nothing else. */
async function besideReference(script: string, packages: readonly string[]): Promise<string> {
  const folder = new URL(`../../.cache/goldens/${script}`, import.meta.url).pathname;
  const own = `${folder}/bin/python`;
  const link =
    "import os, sys, sysconfig; open(os.path.join(sys.argv[1], 'reference.pth'), 'w').write(sysconfig.get_path('purelib'))";
  const where = "import sysconfig; print(sysconfig.get_path('purelib'), end='')";
  await run(python, ["-m", "venv", folder]);
  await run(python, ["-c", link, await run(own, ["-c", where])]);
  await run(own, ["-m", "pip", "install", "--quiet", ...packages]);
  return own;
}

async function run(command: string, args: string[]): Promise<string> {
  const env = { PYTHONWARNINGS: "ignore", TRANSFORMERS_VERBOSITY: "error", TQDM_DISABLE: "1" };
  const { success, stderr, stdout } = await new Deno.Command(command, { args, env }).output();
  if (success) return new TextDecoder().decode(stdout);
  await Deno.stderr.write(stdout);
  await Deno.stderr.write(stderr);
  console.error(`Cannot make goldens: ${args.join(" ")} failed, see the lines above`);
  Deno.exit(1);
}
