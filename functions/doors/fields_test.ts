/**
 * Every field that the documentation of each API names, sent with a value that is not its default: it
 * changes what is done, or the answer says that it is ignored, or it is refused. FIELDS.md says which.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { FieldRules } from "../http/field_rules.ts";
import { fakeApp, post } from "../tests/app.ts";
import { BODY_RULES as HF_BODY, PARAMETER_RULES as HF_PARAMETERS } from "./huggingface.ts";
import { EDIT_RULES, GENERATION_RULES, VARIATION_RULES } from "./openai/rules.ts";
import { BODY_RULES, INPUT_RULES } from "./predictions/request.ts";
import { UNIT_RULES } from "./sdapi/control_units.ts";
import { OPTION_RULES } from "./sdapi/options.ts";
import { IMG2IMG_RULES, TXT2IMG_RULES } from "./sdapi/rules.ts";

const PNG = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);
const IMAGE = PNG.toBase64();
/** The same image, with more behind its end. */
const OTHER = new Uint8Array([...PNG, 0]).toBase64();
const DATA_URL = `data:image/png;base64,${IMAGE}`;

/** Values that are not the default, by field; a field that means something only beside others has them. */
type Values = Readonly<Record<string, unknown>>;

/** One object of fields that a door takes. */
interface Form {
  readonly name: string;
  readonly rules: FieldRules;
  /** What is sent always. */
  readonly base: Values;
  /** Every documented field. */
  readonly values: Values;
  /** What a field needs beside it to mean something. */
  readonly beside?: Readonly<Record<string, Values>>;
  /** The request that sends such fields. */
  readonly request: (fields: Values) => readonly [path: string, init: RequestInit];
  /** What stands before names in messages. */
  readonly prefix?: string;
}

function form(fields: Values): RequestInit {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    const text = Array.isArray(value) ? JSON.stringify(value) : String(value);
    body.append(name, value instanceof Blob ? value : text);
  }
  return { method: "POST", body };
}

const file = new Blob([PNG], { type: "image/png" });

/** OpenAI's, of API reference "Images", 2026-10; then ours. */
const OPENAI: Values = {
  model: "other",
  n: 2,
  size: "32x32",
  response_format: "url",
  output_format: "webp",
  output_compression: 40,
  background: "transparent",
  quality: "high",
  stream: true,
  partial_images: 2,
  user: "me",
  negative_prompt: "dog",
  seed: 3,
  num_inference_steps: 2,
  guidance_scale: 3,
  eta: 0.5,
  clip_skip: 1,
  prompt_syntax: "compel",
  scheduler: "DDIMScheduler",
  loras: [{ name: "pixel", weight: 0.5 }],
  controlnets: [{ name: "canny", image: IMAGE }],
  progress: true,
};
const OPENAI_BESIDE = {
  output_compression: { output_format: "jpeg" },
  partial_images: { stream: true },
  progress: { stream: true },
};

/** Those of A1111's schemas of txt2img and img2img, version 1.10. */
const SDAPI: Values = {
  prompt: "other",
  negative_prompt: "dog",
  styles: ["film"],
  seed: 9,
  subseed: 4,
  subseed_strength: 0.5,
  seed_resize_from_h: 64,
  seed_resize_from_w: 64,
  sampler_name: "DDIM",
  sampler_index: "DDIM",
  scheduler: "Karras",
  batch_size: 2,
  n_iter: 2,
  steps: 3,
  cfg_scale: 3,
  width: 32,
  height: 32,
  restore_faces: true,
  tiling: true,
  do_not_save_samples: true,
  do_not_save_grid: true,
  eta: 0.5,
  denoising_strength: 0.3,
  s_min_uncond: 1,
  s_churn: 1,
  s_tmax: 5,
  s_tmin: 1,
  s_noise: 0.5,
  override_settings: { CLIP_stop_at_last_layers: 2 },
  override_settings_restore_afterwards: false,
  refiner_checkpoint: "refiner",
  refiner_switch_at: 0.8,
  disable_extra_networks: true,
  firstpass_image: IMAGE,
  comments: { a: 1 },
  force_task_id: "x",
  script_name: "x/y/z plot",
  script_args: [1],
  send_images: false,
  save_images: true,
  alwayson_scripts: { ControlNet: { args: [{ model: "canny", image: IMAGE }] } },
  infotext: "Steps: 20",
};
const SDAPI_BESIDE = {
  scheduler: { sampler_name: "Euler" },
  disable_extra_networks: { prompt: "a <lora:x:1>" },
};
const HIRES: Values = {
  enable_hr: true,
  firstphase_width: 64,
  firstphase_height: 64,
  hr_scale: 1.5,
  hr_upscaler: "Lanczos",
  hr_second_pass_steps: 7,
  hr_resize_x: 96,
  hr_resize_y: 96,
  hr_checkpoint_name: "other",
  hr_sampler_name: "DDIM",
  hr_scheduler: "Karras",
  hr_prompt: "other",
  hr_negative_prompt: "dog",
};
const hires = Object.fromEntries(
  Object.keys(HIRES).filter((name) => name !== "enable_hr")
    .map((name) => [name, { enable_hr: true }]),
);

const FORMS: readonly Form[] = [
  {
    name: "OpenAI, /v1/images/generations",
    rules: GENERATION_RULES,
    base: { prompt: "a cat", seed: 1 },
    values: {
      ...OPENAI,
      prompt: "other",
      style: "vivid",
      moderation: "low",
      image: "x",
      mask: "x",
      strength: 0.5,
    },
    beside: OPENAI_BESIDE,
    request: (fields) => ["/v1/images/generations", post(fields)],
  },
  {
    name: "OpenAI, /v1/images/edits",
    rules: EDIT_RULES,
    base: { prompt: "a cat", seed: 1, image: file },
    values: {
      ...OPENAI,
      prompt: "other",
      image: new Blob([PNG, "x"]),
      mask: file,
      input_fidelity: "high",
      strength: 0.5,
    },
    beside: OPENAI_BESIDE,
    request: (fields) => ["/v1/images/edits", form(fields)],
  },
  {
    name: "OpenAI, /v1/images/variations",
    rules: VARIATION_RULES,
    base: { seed: 1, image: file },
    values: { ...OPENAI, prompt: "other", image: new Blob([PNG, "x"]), strength: 0.5 },
    beside: OPENAI_BESIDE,
    request: (fields) => ["/v1/images/variations", form(fields)],
  },
  {
    name: "A1111, /sdapi/v1/txt2img",
    rules: TXT2IMG_RULES,
    base: { prompt: "a cat", seed: 1 },
    values: { ...SDAPI, ...HIRES },
    beside: { ...SDAPI_BESIDE, ...hires, denoising_strength: { enable_hr: true } },
    request: (fields) => ["/sdapi/v1/txt2img", post(fields)],
  },
  {
    name: "A1111, /sdapi/v1/img2img",
    rules: IMG2IMG_RULES,
    base: { prompt: "a cat", seed: 1, init_images: [IMAGE] },
    values: {
      ...SDAPI,
      init_images: [new Uint8Array([...PNG, 1]).toBase64()],
      resize_mode: 1,
      image_cfg_scale: 2,
      mask: IMAGE,
      mask_blur_x: 2,
      mask_blur_y: 2,
      mask_blur: 2,
      mask_round: false,
      inpainting_fill: 2,
      inpaint_full_res: true,
      inpaint_full_res_padding: 8,
      inpainting_mask_invert: 1,
      initial_noise_multiplier: 0.5,
      latent_mask: IMAGE,
      include_init_images: true,
    },
    beside: {
      ...SDAPI_BESIDE,
      ...{ width: { height: 16 }, height: { width: 16 } },
      ...{ mask_blur: { mask: IMAGE }, inpainting_mask_invert: { mask: IMAGE } },
      inpaint_full_res: { mask: IMAGE },
      inpaint_full_res_padding: { mask: IMAGE, inpaint_full_res: true },
    },
    request: (fields) => ["/sdapi/v1/img2img", post(fields)],
  },
  {
    name: "A1111, a unit of alwayson_scripts.controlnet",
    prefix: "alwayson_scripts.controlnet.args[0]",
    rules: UNIT_RULES,
    base: { model: "canny", image: IMAGE },
    values: {
      enabled: false,
      image: { image: OTHER },
      input_image: OTHER,
      model: "depth",
      weight: 0.5,
      resize_mode: "Just Resize",
      guidance_start: 0.2,
      guidance_end: 0.7,
      module: "canny",
      union_control_type: "Depth",
      mask: IMAGE,
      control_mode: "ControlNet is more important",
      guess_mode: true,
      hr_option: "Low res only",
      inpaint_crop_input_image: true,
      pixel_perfect: true,
      processor_res: 300,
      threshold_a: 100,
      threshold_b: 200,
      save_detected_map: "some",
      low_vram: true,
      lowvram: true,
    },
    beside: { input_image: { image: undefined } },
    request: (unit) => [
      "/sdapi/v1/txt2img",
      post({ prompt: "a", seed: 1, alwayson_scripts: { controlnet: { args: [unit] } } }),
    ],
  },
  {
    name: "A1111, override_settings",
    prefix: "override_settings",
    rules: OPTION_RULES,
    base: {},
    values: {
      sd_model_checkpoint: "other",
      CLIP_stop_at_last_layers: 2,
      samples_format: "webp",
      jpeg_quality: 20,
      live_previews_enable: false,
      show_progress_every_n_steps: 2,
    },
    beside: { jpeg_quality: { samples_format: "jpg" } },
    request: (fields) => [
      "/sdapi/v1/txt2img",
      post({ prompt: "a", seed: 1, override_settings: fields }),
    ],
  },
  {
    name: "Hugging Face, the body",
    rules: HF_BODY,
    base: { inputs: "a cat" },
    values: { inputs: "other", parameters: { seed: 7 }, options: { use_cache: false } },
    request: (fields) => ["/", post({ parameters: { seed: 1 }, ...fields })],
  },
  {
    name: "Hugging Face, parameters",
    prefix: "parameters",
    rules: HF_PARAMETERS,
    base: { seed: 1 },
    values: {
      guidance_scale: 3,
      prompt_syntax: "compel",
      negative_prompt: "dog",
      num_inference_steps: 2,
      width: 32,
      height: 32,
      target_size: { width: 32, height: 32 },
      scheduler: "DDIMScheduler",
      seed: 5,
      prompt: "other",
      strength: 0.4,
      mask_image: IMAGE,
      audio_length_in_s: 3,
      lyrics: "la la",
    },
    beside: { strength: { prompt: "a" } },
    request: (fields) => [
      "/",
      post({
        inputs: "prompt" in fields || "mask_image" in fields ? IMAGE : "a",
        parameters: fields,
      }),
    ],
  },
  {
    name: "Replicate and cog, the body",
    rules: BODY_RULES,
    base: { input: { prompt: "a", seed: 1 } },
    values: {
      input: { prompt: "other", seed: 1 },
      id: "mine",
      model: "other",
      version: "other",
      webhook: "https://example.com/hook",
      webhook_events_filter: ["completed"],
      stream: true,
      created_at: "2026-01-01T00:00:00Z",
      output_file_prefix: "s3://x",
      context: { a: "b" },
    },
    request: (fields) => ["/predictions", post(fields)],
  },
  {
    name: "Replicate and cog, input",
    prefix: "input",
    rules: INPUT_RULES,
    base: { prompt: "a", seed: 1 },
    values: {
      prompt: "other",
      negative_prompt: "dog",
      image: DATA_URL,
      mask: DATA_URL,
      task: "inpaint",
      width: 32,
      height: 32,
      audio_length_in_s: 3,
      lyrics: "la la",
      num_outputs: 2,
      num_inference_steps: 2,
      guidance_scale: 3,
      strength: 0.4,
      prompt_strength: 0.4,
      eta: 0.5,
      clip_skip: 1,
      prompt_syntax: "compel",
      scheduler: "DDIMScheduler",
      seed: 5,
      output_format: "webp",
      output_quality: 30,
      previews: 2,
    },
    beside: {
      mask: { image: DATA_URL },
      task: { image: DATA_URL, mask: DATA_URL },
      strength: { image: DATA_URL },
      prompt_strength: { image: DATA_URL },
      output_quality: { output_format: "jpeg" },
    },
    request: (fields) => ["/predictions", post({ input: fields })],
  },
];

const net = { kind: "controlnet", tasks: ["text-to-image", "image-to-image", "inpaint"] } as const;

/** What a request came to: the job it made, the reply, and the warnings in it. */
async function ask([path, init]: readonly [string, RequestInit]) {
  const { app, engine } = fakeApp({}, {
    info: { controlNets: { canny: net, depth: net } },
  });
  const response = await app.request(path, init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  const type = response.headers.get("content-type") ?? "";
  const body = type.includes("json") ? JSON.parse(text) : undefined;
  const { info = "{}", warnings = [], logs = "" } = body ?? {};
  const said = [
    ...warnings,
    ...JSON.parse(info).warnings ?? [],
    ...logs.split("\n"),
    response.headers.get("x-warning") ?? "",
  ].join("\n");
  const { input, model, task } = engine.begun[0] ?? {};
  return { status: response.status, text, type, said, made: { input, model, task }, body };
}

/** The reply without what is another each time. */
function stable(text: string): string {
  return text.replace(
    /"(created|job_timestamp|id|get|cancel|\w+_at|url|predict_time)":"?[^",}]*"?/g,
    "",
  )
    .replace(/files\/\w+/g, "");
}

for (const { name, rules, base, values, beside = {}, request, prefix } of FORMS) {
  describe(`fields of ${name}`, () => {
    it("have a rule, each, and a value here", () => {
      assertEquals(Object.keys(rules).sort(), Object.keys(values).sort());
    });

    for (const [field, value] of Object.entries(values)) {
      const rule = rules[field]!;
      const path = prefix === undefined ? field : `${prefix}.${field}`;
      const kind = rule === "done" ? "done" : "refused" in rule ? "refused" : "ignored";
      it(`${field} is ${kind}`, async () => {
        const before = { ...base, ...beside[field] };
        const plain = await ask(request(before));
        const sent = await ask(request({ ...before, [field]: value }));
        if (kind === "refused") {
          assert(sent.status === 400 || sent.status === 422, sent.text);
          assertStringIncludes(sent.text, `${path} must be`);
        } else if (kind === "ignored") {
          assert(sent.status < 300, sent.text);
          assertStringIncludes(sent.said, `${path} was ignored: `);
          assertEquals(sent.made.input, plain.made.input);
        } else {
          // honoured, or refused because of its value, and never without a trace
          assert(!sent.said.includes(`${path} was ignored`), sent.said);
          const change = JSON.stringify(sent.made) !== JSON.stringify(plain.made) ||
            sent.status !== plain.status || sent.type !== plain.type ||
            stable(sent.text) !== stable(plain.text) || sent.body?.id !== undefined;
          assert(change, `${field} changes nothing`);
        }
      });
    }

    it("that are unknown are named", async () => {
      const sent = await ask(request({ ...base, no_such_field: "x" }));
      const path = prefix === undefined ? "no_such_field" : `${prefix}.no_such_field`;
      assertStringIncludes(sent.said, `${path} was ignored: there is no such field`);
    });
  });
}

describe("a field of a wrong type", () => {
  it("learns what it is and what it must be, at every door", async () => {
    const generations = "/v1/images/generations";
    const wrong: [string, unknown, string][] = [
      [generations, { prompt: 5 }, "prompt must be a text of at most 8000 bytes, but is 5"],
      [generations, { prompt: ["a", "b"] }, "bytes, but is a list of 2"],
      [generations, { prompt: { a: 1 } }, "bytes, but is an object"],
      [
        generations,
        { prompt: "a", n: "2" },
        'n must be an integer from 1 to 10, but is the text "2"',
      ],
      [
        generations,
        { prompt: "a", stream: "true" },
        'must be true or false, but is the text "true"',
      ],
      [generations, { prompt: "a", num_inference_steps: "20" }, 'but is the text "20"'],
      [generations, { prompt: "a", seed: true }, "but is true"],
      [generations, { prompt: "a", n: 1.5 }, "but is 1.5"],
      [generations, { prompt: "a", n: 99 }, "but is 99"],
      [generations, {}, "prompt is missing; it must be a text"],
      [generations, [1], "The body must be a JSON object, but is a list of 1"],
      [generations, "x", 'The body must be a JSON object, but is the text "x"'],
      ["/", { inputs: 3 }, "or an image in base64, but is 3"],
      ["/", { inputs: null }, "or an image in base64, but is null"],
      ["/", { inputs: "a", parameters: [1] }, "parameters must be an object, but is a list of 1"],
      [
        "/",
        { inputs: "a", parameters: { target_size: 8 } },
        "target_size must be an object, but is 8",
      ],
      [
        "/",
        { inputs: "a", parameters: { mask_image: 8 } },
        "mask_image must be an image in base64, but",
      ],
      [
        "/",
        { inputs: "a", parameters: { target_size: {} } },
        "target_size.width is missing; it must",
      ],
      ["/predictions", { input: 7 }, "input must be an object, but is 7"],
      ["/predictions", {}, "input is missing; it must be an object"],
      ["/predictions", { input: { prompt: "a", num_outputs: "x" } }, "input.num_outputs must be"],
      ["/predictions", { input: {}, webhook_events_filter: "x" }, 'but is the text "x"'],
      [
        "/predictions",
        { input: {}, webhook_events_filter: [1] },
        "webhook_events_filter.0 must be",
      ],
      ["/sdapi/v1/txt2img", { prompt: 1 }, "prompt must be a text of at most 8000 bytes, but is 1"],
      ["/sdapi/v1/txt2img", { override_settings: 1 }, "must be an object, but is 1"],
      [
        "/sdapi/v1/img2img",
        { init_images: IMAGE },
        "must be a list of one image in base64, but is the",
      ],
      ["/sdapi/v1/options", { jpeg_quality: "x" }, 'from 1 to 100, but is the text "x"'],
    ];
    for (const [path, body, message] of wrong) {
      const response = await fakeApp().app.request(path, post(body));
      assert([400, 422].includes(response.status), `${path} ${JSON.stringify(body)}`);
      const text = (await response.text()).replaceAll('\\"', '"');
      assertStringIncludes(text, message);
    }
  });

  it("learns that it is a file, or none, in a form", async () => {
    const file = new Blob([Uint8Array.fromBase64(IMAGE)]);
    type Parts = [name: string, value: string | Blob][];
    const right: Parts = [["prompt", "a"], ["image", file]];
    const send = async (path: string, parts: Parts) => {
      const body = new FormData();
      for (const [name, value] of parts) {
        if (typeof value === "string") body.append(name, value);
        else body.append(name, value, "a.png");
      }
      return await fakeApp().app.request(`/v1/images/${path}`, { method: "POST", body });
    };
    const wrong: [Parts, string, string][] = [
      [[["prompt", file], ["image", file]], "prompt", "at most 8000 bytes, but is a file"],
      [[...right, ["n", file]], "n", "an integer from 1 to 10, but is a file"],
      [
        [["prompt", "a"], ["image", "b"]],
        "image",
        'WebP, GIF, BMP, TIFF or AVIF, but is the text "b"',
      ],
      [[...right, ["mask", new Blob([])]], "mask", "but is empty"],
      [[...right, ["seed", ""], ["seed", "1"]], "seed", "is given 2 times"],
    ];
    for (const [parts, param, message] of wrong) {
      const response = await send("edits", parts);
      const { error } = await response.json();
      assertEquals([response.status, error.param], [400, param]);
      assertStringIncludes(error.message, message);
    }
    const reply = await (await send("variations", [["image", file], ["mask", file]])).json();
    assertEquals(reply.warnings, ["mask was ignored: there is no such field"]);
  });

  it("is cut where it is long", async () => {
    const response = await fakeApp().app.request(
      "/v1/images/generations",
      post({ prompt: "a", n: "x".repeat(10_000) }),
    );
    assert((await response.text()).length < 300);
  });
});

describe("a body that is packed", () => {
  it("is refused as a type that is not read", async () => {
    for (
      const path of ["/v1/images/generations", "/", "/predictions", "/sdapi/v1/txt2img", "/mcp"]
    ) {
      const headers = { "content-encoding": "gzip" };
      const response = await fakeApp().app.request(path, post({ prompt: "a" }, { headers }));
      assertEquals(response.status, 415, path);
      assertStringIncludes(await response.text(), "without content-encoding");
    }
  });
});

describe("FIELDS.md", () => {
  it("says of each field what is done with it", async () => {
    const text = await Deno.readTextFile(new URL("./FIELDS.md", import.meta.url));
    for (const { name, rules } of FORMS) {
      const [, section] = text.split(`## ${name}\n`);
      const [table = ""] = (section ?? "").split("\n## ");
      const rows = [...table.matchAll(/^\| `(\w+)` \| (done|ignored|refused) \| (.*) \|$/gm)];
      assertEquals(
        rows.map(([, field, kind, why]) => [field, kind, why]),
        Object.entries(rules).map(([field, rule]) => {
          if (rule === "done") return [field, "done", ""];
          return "refused" in rule
            ? [field, "refused", rule.refused]
            : [field, "ignored", rule.ignored];
        }),
        name,
      );
    }
  });
});
