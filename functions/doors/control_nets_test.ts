/**
 * ControlNets of a server, over its engine's own process: what each door asks for is what the pipelines make.
 *
 * @module
 */
import type { Image } from "@denoise/core";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  ControlNetModel,
  ControlNetUnionModel,
  decodeImage,
  DenoiseImage,
  StableDiffusionAdapterPipeline,
  StableDiffusionControlNetImg2ImgPipeline,
  StableDiffusionControlNetInpaintPipeline,
  StableDiffusionControlNetPipeline,
  StableDiffusionXLAdapterPipeline,
  StableDiffusionXLControlNetUnionPipeline,
  T2IAdapter,
} from "@denoise/denoise";
import { registry } from "@denoise/denoise/registry";
import { fixture } from "../../tests/support/golden.ts";
import { type App, createApp } from "../app.ts";
import { childServingEngine } from "../engine/child.ts";
import type { ServingEngine } from "../engine/engine.ts";
import { packJob, unpackJob } from "../queue/redis/wire.ts";
import { memoryStore } from "../storage/memory_store.ts";
import { fakeApp, post } from "../tests/app.ts";

const TINY = fixture("tiny-stable-diffusion");
const NETS = ["sd1", "wide", "sdxl"].map((id) => ({
  id,
  location: fixture(`models/ControlNetModel/${id}`),
}));

/** An image of stripes. */
async function stripes(width: number, height: number, every: number): Promise<Uint8Array> {
  const data = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => Math.floor(i / 3) % every < every / 2 ? 255 : 0,
  );
  return await new DenoiseImage(width, height, 3, data).encode("png");
}

const pixels = async (file: Uint8Array): Promise<number[]> => [...(await decodeImage(file)).data];
const shared = { numInferenceSteps: 2, seed: 5 } as const;
/** As servers load models. */
const load = { optimize: "speed" } as const;

describe("the ControlNets of a server", () => {
  let engine: ServingEngine;
  let app: App;
  let edges: Uint8Array;
  let start: Uint8Array;
  let mask: Uint8Array;

  beforeAll(async () => {
    engine = childServingEngine({
      models: [{ id: "tiny", location: TINY }],
      controlNets: NETS,
      registry,
    });
    app = createApp({ engine, registry });
    edges = await stripes(32, 32, 8);
    start = await stripes(32, 32, 16);
    mask = await stripes(32, 32, 32);
    await engine.ready();
  });
  afterAll(() => engine.close());

  async function ask(path: string, body: unknown): Promise<Record<string, unknown>> {
    const init = body instanceof FormData ? { method: "POST", body } : post(body);
    return await (await app.request(path, init)).json();
  }
  const drawn = async (path: string, body: unknown): Promise<number[]> => {
    const reply = await ask(path, body) as { data?: { b64_json: string }[]; images?: string[] };
    const [first] = reply.images ?? reply.data?.map(({ b64_json }) => b64_json) ?? [];
    assert(first !== undefined, JSON.stringify(reply));
    return await pixels(Uint8Array.fromBase64(first));
  };
  const form = (fields: Record<string, string | Uint8Array>) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      body.append(
        name,
        typeof value === "string" ? value : new Blob([value as Uint8Array<ArrayBuffer>]),
      );
    }
    return body;
  };
  const net = (name: string) =>
    ControlNetModel.fromPretrained(NETS.find(({ id }) => id === name)!.location, load);

  it("are said with the models that they were made for, and those that fit none as broken", async () => {
    const { models } = await (await app.request("/v1/capabilities")).json();
    assertEquals(models[0].controlNets, {
      sd1: { kind: "controlnet", tasks: ["text-to-image", "image-to-image", "inpaint"] },
    });
    assert(engine.state.phase === "ready");
    assertEquals(engine.state.broken?.map(({ id }) => id), ["wide", "sdxl"]);
    assertStringIncludes(engine.state.broken![0]!.message, "none of the models here");
  });

  it("take part in text to image, as the pipeline has it", async () => {
    const pipe = await StableDiffusionControlNetPipeline.fromPretrained(TINY, {
      ...load,
      controlnet: await net("sd1"),
    });
    const { images } = await pipe("a cat", {
      ...shared,
      image: edges,
      controlnetConditioningScale: 1.5,
      controlGuidanceEnd: 0.5,
    });
    await pipe.dispose();
    const body = { prompt: "a cat", num_inference_steps: 2, seed: 5, size: "32x32" };
    const control = { name: "sd1", image: edges.toBase64(), scale: 1.5, end: 0.5 };
    const made = await drawn("/v1/images/generations", { ...body, controlnets: [control] });
    assertEquals(made, [...images[0]!.data]);
    const { size: _, ...unsized } = body; // the image says it
    assertEquals(
      await drawn("/v1/images/generations", { ...unsized, controlnets: [control] }),
      made,
    );
    const without = await drawn("/v1/images/generations", body);
    assert(without.some((value, i) => value !== made[i]));
  });

  it("take part in image to image and inpainting", async () => {
    const controlnet = await net("sd1");
    const fields = {
      prompt: "a cat",
      num_inference_steps: "4",
      seed: "5",
      strength: "0.5",
      image: start,
      controlnets: JSON.stringify([{ name: "sd1", image: edges.toBase64(), scale: 0.7 }]),
    };
    const call = {
      ...shared,
      numInferenceSteps: 4,
      strength: 0.5,
      image: start,
      controlImage: edges,
      controlnetConditioningScale: 0.7,
    } as const;
    const changed = await StableDiffusionControlNetImg2ImgPipeline.fromPretrained(TINY, {
      ...load,
      controlnet,
    });
    const image: Image = (await changed("a cat", call)).images[0]!;
    assertEquals(await drawn("/v1/images/edits", form(fields)), [...image.data]);
    const inpaint = await StableDiffusionControlNetInpaintPipeline.fromPretrained(TINY, {
      ...load,
      controlnet,
    });
    const { images } = await inpaint("a cat", { ...call, maskImage: mask });
    assertEquals(await drawn("/v1/images/edits", form({ ...fields, mask })), [...images[0]!.data]);
    await Promise.all([changed, inpaint].map((pipe) => pipe.dispose()));
  });

  it("take part together, one image for each", async () => {
    const nets = [await net("sd1"), await net("sd1")];
    const pipe = await StableDiffusionControlNetPipeline.fromPretrained(TINY, {
      ...load,
      controlnet: nets,
    });
    const { images } = await pipe("a cat", {
      ...shared,
      image: [edges, start],
      controlnetConditioningScale: [1, 0.4],
    });
    await pipe.dispose();
    const made = await drawn("/v1/images/generations", {
      prompt: "a cat",
      num_inference_steps: 2,
      seed: 5,
      controlnets: [{ name: "sd1", image: edges.toBase64() }, {
        name: "sd1",
        image: start.toBase64(),
        scale: 0.4,
      }],
    });
    assertEquals(made, [...images[0]!.data]);
  });

  it("are units of A1111's clients, in the second pass too", async () => {
    const unit = { model: "sd1 [0123abcd]", image: edges.toBase64(), weight: 0.6, module: "none" };
    const body = { prompt: "a cat", steps: 2, seed: 5, width: 32, height: 32 };
    const scripts = (one: object) => ({ alwayson_scripts: { ControlNet: { args: [one] } } });
    const made = await drawn("/sdapi/v1/txt2img", { ...body, ...scripts(unit) });
    const same = await drawn("/v1/images/generations", {
      prompt: "a cat",
      num_inference_steps: 2,
      seed: 5,
      size: "32x32",
      controlnets: [{ name: "sd1", image: edges.toBase64(), scale: 0.6 }],
    });
    assertEquals(made, same);
    assertEquals(
      await drawn("/sdapi/v1/txt2img", { ...body, ...scripts({ ...unit, enabled: false }) }),
      await drawn("/sdapi/v1/txt2img", body),
    );
    const hires = { ...body, enable_hr: true, hr_scale: 2, denoising_strength: 0.9 };
    const larger = await drawn("/sdapi/v1/txt2img", { ...hires, ...scripts(unit) });
    assertEquals(larger.length, 4 * made.length);
    const { model_list } = await (await app.request("/controlnet/model_list")).json();
    assertEquals(model_list, ["sd1"]);
    // without an image of its own a unit reads the one that the run begins with
    const { image: _, ...bare } = unit;
    const changed = { ...body, init_images: [start.toBase64()], denoising_strength: 0.9 };
    assertEquals(
      await drawn("/sdapi/v1/img2img", { ...changed, ...scripts(bare) }),
      await drawn("/sdapi/v1/img2img", {
        ...changed,
        ...scripts({ ...bare, input_image: start.toBase64() }),
      }),
    );
  });

  it("refuses what cannot be done in the words of the door", async () => {
    const image = edges.toBase64();
    const openai = async (controlnets: unknown) => {
      const { error } = await ask("/v1/images/generations", { prompt: "a", controlnets });
      return error as { message: string; param: string };
    };
    for (
      const [controls, message] of [
        [[{ name: "depth", image }], 'by the ControlNet "depth": there are sd1'],
        [[{ name: "sd1" }], "controlnets.0.image is missing"],
        [[{ name: "sd1", image: "https://example.com/a.png" }], "addresses are not fetched"],
        [[{ name: "sd1", image: "YWJj" }], "Cannot read"],
        [[{ name: "sd1", image, scale: "1" }], "controlnets.0.scale must be a number"],
        [[{ name: "sd1", image, start: 0.5, end: 0.2 }], "cannot begin at 0.5 and end at 0.2"],
        [{ name: "sd1", image }, "must be a list"],
      ] as const
    ) {
      const { message: found, param } = await openai(controls);
      assertStringIncludes(found, message);
      assertStringIncludes(param, "controlnets");
    }
    const sdapi = async (scripts: unknown) => {
      const reply = await ask("/sdapi/v1/txt2img", { prompt: "a", alwayson_scripts: scripts });
      return (reply["detail"] as { msg: string }[])[0]!.msg;
    };
    const unit = { model: "sd1", image };
    for (
      const [scripts, message] of [
        [{ controlnet: { args: [{ ...unit, module: "canny" }] } }, "no preprocessor runs here"],
        [{ controlnet: { args: [{ image }] } }, "model is missing"],
        [{ controlnet: { args: [{ model: "sd1" }] } }, "image is missing"],
        [{ controlnet: { args: [{ ...unit, control_mode: "My prompt is more important" }] } }, [
          "control_mode must be",
        ]],
        [{ controlnet: { args: [{ ...unit, weight: "much" }] } }, "weight must be a number"],
        [{ controlnet: { args: [{ ...unit, model: "pose" }] } }, "there are sd1"],
        [{ reactor: { args: [1] } }, 'cannot have "reactor"'],
      ] as const
    ) assertStringIncludes(await sdapi(scripts), String(message));
  });
});

describe("ControlNets for images of several kinds and T2I-Adapters of a server", () => {
  const XL = fixture("tiny-stable-diffusion-xl");
  const place = (kind: string, id: string) => ({
    id,
    location: fixture(`models/${kind}/${id}`),
  });
  const others = [
    ...["union", "deep"].map((id) => place("ControlNetUnionModel", id)),
    ...["full", "light", "xl"].map((id) => place("T2IAdapter", id)),
  ];
  let engine: ServingEngine;
  let app: App;
  let edges: Uint8Array;
  let start: Uint8Array;

  beforeAll(async () => {
    engine = childServingEngine({
      models: [{ id: "tiny", location: TINY }, { id: "large", location: XL }],
      controlNets: others,
      registry,
    });
    app = createApp({ engine, registry });
    edges = await stripes(64, 64, 8);
    start = await stripes(64, 64, 16);
    await engine.ready();
  });
  afterAll(() => engine.close());

  const base = { prompt: "a cat", num_inference_steps: 2, seed: 5 };
  async function drawn(controlnets: readonly object[], more: object = {}): Promise<number[]> {
    const body = { ...base, size: "64x64", ...more, controlnets };
    const reply = await (await app.request("/v1/images/generations", post(body))).json();
    assert(reply.data !== undefined, JSON.stringify(reply));
    return await pixels(Uint8Array.fromBase64(reply.data[0].b64_json));
  }
  async function refused(controlnets: readonly object[], more: object = {}): Promise<string> {
    const body = { ...base, ...more, controlnets };
    const reply = await (await app.request("/v1/images/generations", post(body))).json();
    return reply.error.message;
  }

  it("are said with the models that they were made for", async () => {
    const { models } = await (await app.request("/v1/capabilities")).json();
    const [tiny, large] = models.map(({ controlNets }: { controlNets: object }) => controlNets);
    const text = { kind: "t2i-adapter", tasks: ["text-to-image"] };
    const all = ["text-to-image", "image-to-image", "inpaint"];
    assertEquals(tiny, { full: text, light: text });
    assertEquals(large.union, { kind: "union", tasks: all, modes: 4 });
    assertEquals(large.xl, text);
  });

  it("draw what the pipeline of a ControlNet-Union draws, by one image and by several", async () => {
    const union = others[0]!.location;
    const controlnet = await ControlNetUnionModel.fromPretrained(union, load);
    const pipe = await StableDiffusionXLControlNetUnionPipeline.fromPretrained(XL, {
      ...load,
      controlnet,
    });
    const size = { width: 64, height: 64 } as const;
    const one = await pipe("a cat", {
      ...{ ...shared, ...size, controlImage: edges, controlMode: 3 },
      controlnetConditioningScale: 0.7,
    });
    const two = await pipe("a cat", {
      ...{ ...shared, ...size, controlImage: [edges, start], controlMode: [3, 1] },
    });
    await pipe.dispose();
    const first = { name: "union", image: edges.toBase64(), mode: 3 };
    const second = { name: "union", image: start.toBase64(), mode: 1 };
    const model = "large";
    assertEquals(await drawn([{ ...first, scale: 0.7 }], { model }), [...one.images[0]!.data]);
    assertEquals(await drawn([first, second], { model }), [...two.images[0]!.data]);
    const unit = { model: "union", image: edges.toBase64(), union_control_type: "Hard Edge" };
    const call = { prompt: "a cat", steps: 2, seed: 5, width: 64, height: 64, cfg_scale: 5 };
    const scripts = { ControlNet: { args: [{ ...unit, weight: 0.7 }] } };
    const reply = await (await app.request(
      "/sdapi/v1/txt2img",
      post({
        ...{ ...call, alwayson_scripts: scripts },
        override_settings: { sd_model_checkpoint: "large" },
      }),
    )).json();
    assert(reply.images !== undefined, JSON.stringify(reply));
    assertEquals(await pixels(Uint8Array.fromBase64(reply.images[0])), [...one.images[0]!.data]);
  });

  it("draw what the pipelines of T2I-Adapters draw", async () => {
    const adapters = ["full", "light"].map((id) =>
      T2IAdapter.fromPretrained(fixture(`models/T2IAdapter/${id}`), load)
    );
    const sd = await StableDiffusionAdapterPipeline.fromPretrained(TINY, {
      ...load,
      adapter: await adapters[0]!,
    });
    const size = { width: 64, height: 64 } as const;
    const one = await sd("a cat", {
      ...{ ...shared, ...size, image: edges, adapterConditioningScale: 0.6 },
    });
    await sd.dispose();
    const xl = await StableDiffusionXLAdapterPipeline.fromPretrained(XL, {
      ...load,
      adapter: await T2IAdapter.fromPretrained(fixture("models/T2IAdapter/xl"), load),
    });
    const half = await xl("a cat", {
      ...{ ...shared, ...size, image: edges, adapterConditioningFactor: 0.5 },
    });
    await xl.dispose();
    const image = edges.toBase64();
    assertEquals(await drawn([{ name: "full", image, scale: 0.6 }]), [...one.images[0]!.data]);
    const part = [{ name: "xl", image, end: 0.5 }];
    assertEquals(await drawn(part, { model: "large" }), [...half.images[0]!.data]);
  });

  it("choose the model that they were made for where the request names none", async () => {
    const control = [{ name: "xl", image: edges.toBase64() }];
    assertEquals(await drawn(control), await drawn(control, { model: "large" }));
    assertStringIncludes(
      await refused(control, { model: "tiny" }),
      "it was made for large; name that model",
    );
  });

  it("are refused by name where no pipeline does what is asked for", async () => {
    const image = edges.toBase64();
    for (
      const [controls, message] of [
        [[{ name: "union", image }], "must have mode for union, one of the 4 kinds"],
        [[{ name: "union", image, mode: 4 }], "4 is none"],
        [[{ name: "xl", image, mode: 1 }], "cannot have mode for xl"],
        [[{ name: "xl", image, start: 0.2 }], "a T2I-Adapter begins at 0"],
        [[{ name: "full", image, end: 0.5 }], "cannot end at 0.5"],
        [[{ name: "full", image, end: 0.5 }, { name: "light", image }], "must end together"],
        [
          [{ name: "xl", image }, { name: "union", image, mode: 0 }],
          "no pipeline takes them together",
        ],
        [
          [
            { name: "union", image, mode: 0 },
            { name: "deep", image, mode: 0 },
            { name: "union", image, mode: 1 },
          ],
          "several images for one ControlNet, or one for each of several",
        ],
      ] as const
    ) assertStringIncludes(await refused(controls), message);
    const body = new FormData();
    const fields = {
      ...base,
      model: "tiny",
      controlnets: JSON.stringify([{ name: "full", image }]),
    };
    for (const [name, value] of Object.entries(fields)) body.append(name, String(value));
    body.append("image", new Blob([start as Uint8Array<ArrayBuffer>]));
    const reply = await (await app.request("/v1/images/edits", { method: "POST", body })).json();
    assertStringIncludes(reply.error.message, "full takes part in text-to-image");
  });
});

describe("images of ControlNets", () => {
  it("go over Redis by their places, and come back", async () => {
    const store = memoryStore();
    const [image, other] = [new Uint8Array([1, 2]), new Uint8Array([3])];
    const { engine } = fakeApp();
    const job = {
      id: "a",
      owner: "",
      model: "tiny",
      task: "text-to-image",
      input: {
        count: 1,
        format: "png",
        previews: 0,
        controls: [{ name: "sd1", image, scale: 0.5 }, { name: "sd1", image: other }],
      },
      createdAt: 0,
      keepMs: 0,
    } as const;
    const text = await packJob(job, store);
    assert(!text.includes("[1,2]"));
    assertEquals(await unpackJob(text, store), job);
    await engine.close();
  });

  it("are refused where the server has no ControlNets, and where a model takes none", async () => {
    const { app } = fakeApp();
    const controlnets = [{ name: "sd1", image: "iVBORw0KGgo=" }];
    const { error } = await (await app.request(
      "/v1/images/generations",
      post({ prompt: "a", controlnets }),
    )).json();
    assertStringIncludes(error.message, "this server has none for it");
    assertEquals(error.param, "controlnets");
  });
});
