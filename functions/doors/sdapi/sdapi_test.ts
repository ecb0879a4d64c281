import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { SchedulerClass } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { fakeApp, post } from "../../tests/app.ts";
import { chooseSampler, samplersOf, SPREAD_LABELS } from "./samplers.ts";
import { until } from "../../../tests/support/until.ts";

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

type Apps = ReturnType<typeof fakeApp>;

async function ask({ app }: Apps, name: string, body?: unknown) {
  const init = body === undefined ? {} : post(body);
  const response = await app.request(`/sdapi/v1/${name}`, init);
  return { status: response.status, body: await response.json() };
}

describe("POST /sdapi/v1/txt2img", () => {
  it("understands A1111's fields", async () => {
    const fake = fakeApp();
    const fields = {
      prompt: "a cat",
      negative_prompt: "dog",
      steps: 3,
      cfg_scale: 4.5,
      width: 32,
      height: 16,
      seed: 7,
      sampler_name: "DPM++ 2M Karras",
      batch_size: 2,
      n_iter: 2,
      override_settings: { CLIP_stop_at_last_layers: 2, unknown: 1 },
      denoising_strength: 0,
      save_images: true,
    };
    const { status, body } = await ask(fake, "txt2img", fields);
    assertEquals(status, 200);
    const { input } = fake.engine.begun[0]!;
    assertEquals(
      [input.prompt, input.negativePrompt, input.steps, input.guidanceScale, input.seed],
      ["a cat", "dog", 3, 4.5, "7"],
    );
    assertEquals([input.width, input.height, input.count, input.clipSkip], [32, 16, 4, 1]);
    assertEquals(input.promptSyntax, "a1111");
    assertEquals([input.scheduler, input.strength], ["DPMSolverMultistepScheduler", undefined]);
    assertEquals(input.schedulerConfig?.["use_karras_sigmas"], true);
    assertEquals(body.images.length, 4);
    assertEquals(Uint8Array.fromBase64(body.images[0])[1], 0x50);
    assertEquals(body.parameters.prompt, "a cat");
    const info = JSON.parse(body.info);
    assertEquals([info.seed, info.all_seeds], [7, [7, 8, 9, 10]]);
    assertEquals([info.sampler_name, info.clip_skip], ["DPM++ 2M Karras", 2]);
    assertStringIncludes(info.infotexts[1], "Negative prompt: dog\nSteps: 3, Sampler: DPM++ 2M");
    assertStringIncludes(info.infotexts[1], "Seed: 8, Size: 32x16");
  });

  it("tells the steps and the guidance that the model has by itself", async () => {
    const fake = fakeApp({}, { recipe: { steps: 6, guidanceScale: 2.25 } });
    const info = JSON.parse((await ask(fake, "txt2img", { prompt: "a cat" })).body.info);
    assertEquals([info.steps, info.cfg_scale], [6, 2.25]);
    assertStringIncludes(info.infotexts[0], "Steps: 6, CFG scale: 2.25");
  });

  it("draws a seed for -1 and tells it", async () => {
    const fake = fakeApp();
    for (const seed of [-1, null, undefined]) {
      const { body } = await ask(fake, "txt2img", { prompt: "a", seed });
      const said = JSON.parse(body.info).seed;
      assertEquals(String(said), fake.engine.begun.at(-1)!.input.seed);
      assert(said >= 0 && said < 2 ** 32);
    }
  });

  it("leaves images out where they are not wanted", async () => {
    const { body } = await ask(fakeApp(), "txt2img", { prompt: "a", send_images: false });
    assertEquals(body.images, []);
  });

  it("takes the class of a scheduler for a sampler", async () => {
    const fake = fakeApp();
    await ask(fake, "txt2img", { prompt: "a", sampler_name: "DDPMScheduler" });
    assertEquals(fake.engine.begun[0]!.input.scheduler, "DDPMScheduler");
  });

  it("tells errors as FastAPI does", async () => {
    const fake = fakeApp();
    const cases: [object, string[], string][] = [
      [{ steps: 0 }, ["steps"], "an integer from 1 to 150"],
      [{ width: 33 }, ["width"], "a multiple of 8"],
      [{ cfg_scale: "x" }, ["cfg_scale"], "a number from"],
      [{ sampler_name: "None" }, ["sampler_name"], "GET /v1/schedulers lists"],
      [{ sampler_name: "Euler a", scheduler: "Karras" }, ["scheduler"], "leave Karras out"],
      [{ scheduler: "Odd", sampler_name: "Euler" }, ["scheduler"], "Exponential"],
      [{ enable_hr: true, hr_upscaler: "ESRGAN_4x" }, ["hr_upscaler"], "Latent, Latent (bicubic)"],
      [{ enable_hr: true, hr_resize_x: 128, hr_resize_y: 64 }, ["hr_resize_x"], "keeps the shape"],
      [
        { enable_hr: true, hr_scale: 8, width: 512 },
        ["hr_scale"],
        "a multiple of 8 from 8 to 2048",
      ],
      [{ prompt: "a <lora:x:much>" }, ["prompt"], "must be a number, but is much"],
      [{ prompt: "a <lora:x:1:2:3>" }, ["prompt"], "must be <lora:name:weight>"],
      [{ prompt: "a <hypernet:x:1>" }, ["prompt"], "no hypernetworks"],
      [{ restore_faces: true }, ["restore_faces"], "must be false or left out"],
      [{ n_iter: 4, batch_size: 4 }, ["n_iter"], "10 at most"],
      [{ override_settings: { CLIP_stop_at_last_layers: 0 } }, [
        "override_settings",
        "CLIP_stop_at_last_layers",
      ], "from 1 to 12"],
    ];
    for (const [fields, path, message] of cases) {
      const { status, body } = await ask(fake, "txt2img", { prompt: "a", ...fields });
      assertEquals([status, body.detail[0].loc], [422, ["body", ...path]], JSON.stringify(body));
      assertStringIncludes(body.detail[0].msg, message);
      assertEquals(body.detail[0].type, "value_error");
    }
    const override_settings = { sd_model_checkpoint: "none" };
    const { status, body } = await ask(fake, "txt2img", { prompt: "a", override_settings });
    assertEquals([status, body.error], [404, "model_not_found"]);
    assertStringIncludes(body.detail, "fake does");
  });
});

describe("POST /sdapi/v1/img2img", () => {
  it("takes an image, a mask and a strength", async () => {
    const fake = fakeApp();
    const image = `data:image/png;base64,${PNG}`;
    await ask(fake, "img2img", { prompt: "a", init_images: [image] });
    const mask = PNG;
    const fields = { prompt: "a", init_images: [PNG], mask, denoising_strength: 0.4 };
    const { body } = await ask(fake, "img2img", fields);
    const [plain, inpainted] = fake.engine.begun;
    assertEquals([plain!.task, plain!.input.strength], ["image-to-image", 0.75]);
    assertEquals([inpainted!.task, inpainted!.input.strength], ["inpaint", 0.4]);
    assertEquals(plain!.input.image, Uint8Array.fromBase64(PNG));
    assertEquals(body.parameters.init_images, undefined);
  });

  it("refuses what is no image in base64", async () => {
    for (
      const init_images of [undefined, [], ["?"], [""], ["http://a.example/b.png"], [PNG, PNG]]
    ) {
      const { status, body } = await ask(fakeApp(), "img2img", { prompt: "a", init_images });
      assertEquals([status, body.detail[0].loc[1]], [422, "init_images"]);
    }
  });
});

describe("GET /sdapi/v1/progress and POST /sdapi/v1/interrupt", () => {
  it("tell how far the run is, and end it with what there is", async () => {
    const fake = fakeApp({}, { stepMs: 5 });
    assertEquals((await ask(fake, "progress")).body.progress, 0);
    const run = ask(fake, "txt2img", { prompt: "a", steps: 150 });
    const reached = async () => (await ask(fake, "progress")).body;
    await until(async () => (await reached()).current_image !== null);
    const open = fake.engine.hold();
    const progress = await reached();
    assert(progress.progress > 0 && progress.progress < 1 && progress.eta_relative > 0);
    assertEquals([progress.state.sampling_steps, progress.state.job_count], [150, 1]);
    const skipped = await ask(fake, "progress?skip_current_image=true");
    assertEquals(skipped.body.current_image, null);
    assertEquals(await ask(fake, "interrupt", {}), { status: 200, body: {} });
    open();
    const { status, body } = await run;
    assertEquals([status, body.images.length], [200, 1]);
    assert(fake.engine.steps < 150);
    assertEquals((await ask(fake, "progress")).body.state.job_count, 0);
    assertEquals((await ask(fake, "interrupt", {})).status, 200);
  });

  it("tell a key of its own runs only", async () => {
    const keys = [{ name: "ann", key: "a" }, { name: "bob", key: "b" }];
    const { app, engine } = fakeApp({ auth: { keys } });
    const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    const open = engine.hold();
    const run = app.request("/sdapi/v1/txt2img", post({ prompt: "a" }, as("a")));
    await until(() => engine.begun.length > 0);
    const jobs = async (key: string) =>
      (await (await app.request("/sdapi/v1/progress", as(key))).json()).state.job_count;
    assertEquals([await jobs("a"), await jobs("b")], [1, 0]);
    await (await app.request("/sdapi/v1/interrupt", post({}, as("b")))).body?.cancel();
    open();
    assertEquals((await (await run).json()).images.length, 1);
  });
});

describe("GET and POST /sdapi/v1/options", () => {
  it("keep the settings of each key", async () => {
    const keys = [{ name: "ann", key: "a" }, { name: "bob", key: "b" }];
    const { app, engine } = fakeApp({ auth: { keys } });
    const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    const path = "/sdapi/v1/options";
    const set = { CLIP_stop_at_last_layers: 3, samples_format: "jpg", other: [1] };
    const reply = await app.request(path, post(set, as("a")));
    const warnings = ["other was ignored: there is no such field"];
    assertEquals([reply.status, await reply.json()], [200, { warnings }]);
    const layers = async (key: string) =>
      (await (await app.request(path, as(key))).json()).CLIP_stop_at_last_layers;
    assertEquals([await layers("a"), await layers("b")], [3, 1]);
    await (await app.request("/sdapi/v1/txt2img", post({ prompt: "a" }, as("a")))).body?.cancel();
    const { clipSkip, format, quality } = engine.begun[0]!.input;
    assertEquals([clipSkip, format, quality], [2, "jpeg", 80]);
  });

  it("refuse a model that is not here", async () => {
    const { status, body } = await ask(fakeApp(), "options", { sd_model_checkpoint: "none" });
    assertEquals([status, body.error], [404, "model_not_found"]);
  });
});

describe("GET /sdapi/v1/samplers, schedulers and sd-models", () => {
  it("list what there is", async () => {
    const fake = fakeApp();
    const names = (await ask(fake, "samplers")).body.map(({ name }: { name: string }) => name);
    for (const name of ["Euler", "Euler a", "DDIM", "DPM++ 2M", "UniPC"]) {
      assert(names.includes(name), name);
    }
    const [model] = (await ask(fake, "sd-models")).body;
    assertEquals([model.title, model.model_name], ["fake", "fake"]);
    assertEquals((await ask(fake, "schedulers")).body[2].label, "Karras");
    for (const none of ["hypernetworks", "face-restorers", "prompt-styles", "sd-vae"]) {
      assertEquals((await ask(fake, none)).body, []);
    }
  });
});

describe("chooseSampler()", () => {
  const schedulers = registry.names("scheduler");

  it("gives options that the scheduler has, for every sampler and spread", async () => {
    for (const { name, takesSigmas } of samplersOf(schedulers)) {
      for (const spread of takesSigmas ? Object.values(SPREAD_LABELS) : [undefined]) {
        const { scheduler, schedulerConfig = {} } = chooseSampler(name, spread, schedulers);
        const Class = await registry.get(scheduler!, "scheduler") as SchedulerClass;
        Class.fromConfig({ beta_schedule: "scaled_linear" }, schedulerConfig).setTimesteps(8);
      }
    }
  });

  it("reads names as A1111 has written them over time", () => {
    const karras = chooseSampler("DPM++ 2M", "karras", schedulers);
    assertEquals(chooseSampler("DPM++ 2M Karras", "Automatic", schedulers), karras);
    assertEquals(chooseSampler("k_dpmpp_2m", "Karras", schedulers), karras);
    assertEquals(chooseSampler("euler A", undefined, schedulers), {
      scheduler: "EulerAncestralDiscreteScheduler",
      schedulerConfig: undefined,
    });
    assertEquals(chooseSampler(undefined, "Automatic", schedulers), { scheduler: undefined });
  });
});
