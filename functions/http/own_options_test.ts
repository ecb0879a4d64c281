import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { registry } from "@denoise/denoise/registry";
import { ownOptionsOf } from "../contract/own_options.ts";
import type { Task } from "../contract/job.ts";
import type { AnyClass } from "../engine/tasks.ts";
import { fakeApp, post } from "../tests/app.ts";

const classes = async (names: Partial<Record<Task, string>>) =>
  new Map(
    await Promise.all(
      Object.entries(names).map(async ([task, name]) =>
        [task as Task, await registry.get(name, "pipeline") as unknown as AnyClass] as const
      ),
    ),
  );

const options = ownOptionsOf(
  await classes({
    "text-to-image": "StableDiffusionXLPipeline",
    "image-to-image": "StableDiffusionXLImg2ImgPipeline",
  }),
);
const unclip = ownOptionsOf(await classes({ "text-to-image": "UnCLIPPipeline" }));
const layered = ownOptionsOf(await classes({ "image-to-image": "QwenImageLayeredPipeline" }));
const IMAGE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const GENERATIONS = "/v1/images/generations";

/** What a request came to: the options of its job, and what the reply says. */
async function ask(
  path: string,
  body: unknown,
  info: Parameters<typeof fakeApp>[1],
  limits: Parameters<typeof fakeApp>[0] = {},
) {
  const { app, engine } = fakeApp(limits, info);
  const init = body instanceof FormData ? { method: "POST", body } : post(body);
  const response = await app.request(path, init);
  const warned = response.headers.get("x-warning") ?? "";
  const said = new TextDecoder().decode(await response.arrayBuffer()).replaceAll('\\"', '"') +
    warned;
  return { status: response.status, said, options: engine.begun[0]?.input.options };
}

describe("options of a model's own", () => {
  it("have names of diffusers, and the tasks that know them", () => {
    assertEquals(Object.keys(unclip).filter((name) => name.endsWith("steps")), [
      "decoder_num_inference_steps",
      "super_res_num_inference_steps",
      "prior_num_inference_steps",
    ]);
    assertEquals(options["aesthetic_score"]?.tasks, ["image-to-image"]);
    assertEquals(options["prompt_2"]?.tasks, undefined);
    // what has a field, and what is between a program and its call
    for (
      const name of [
        "num_inference_steps",
        "width",
        "num_images_per_prompt",
        "output_type",
        "profile",
      ]
    ) {
      assertEquals(options[name], undefined, name);
    }
  });

  it("are taken at every door, by either form of their names", async () => {
    const of = { prior_num_inference_steps: 3, decoderGuidanceScale: 2.5 };
    const bodies: [string, object][] = [
      [GENERATIONS, { prompt: "a", ...of }],
      ["/", { inputs: "a", parameters: of }],
      ["/predictions", { input: { prompt: "a", ...of } }],
      ["/sdapi/v1/txt2img", { prompt: "a", ...of }],
    ];
    for (const [path, body] of bodies) {
      const { status, said, options } = await ask(path, body, { info: { options: unclip } });
      assertEquals(Math.floor(status / 100), 2, said);
      assertEquals(options, { priorNumInferenceSteps: 3, decoderGuidanceScale: 2.5 }, path);
      assertEquals(said.includes("ignored"), false, said);
    }
  });

  it("are read from the texts of a form", async () => {
    const form = new FormData();
    form.append("image", new Blob([Uint8Array.fromBase64(IMAGE)]), "a.png");
    const texts = { prompt: "a", aesthetic_score: "6.5", prompt_2: "7", sigmas: "[1, 0.5]" };
    for (const [name, value] of Object.entries(texts)) form.append(name, value);
    const sent = await ask("/v1/images/edits", form, { info: { options } });
    assertEquals(sent.options, { aestheticScore: 6.5, prompt2: "7", sigmas: [1, 0.5] }, sent.said);
  });

  it("are refused by name where they are of another type or beyond the limits", async () => {
    const steps = "prior_num_inference_steps";
    const wrong: [object, object, string][] = [
      [unclip, { [steps]: "3" }, `${steps} "3": it must be an integer from 1 to 150`],
      [unclip, { [steps]: 151 }, `${steps} 151: it must be an integer from 1 to 150`],
      [unclip, { [steps]: [3] }, `${steps} [3]: it must be an integer`],
      [unclip, { prior_latents: 1 }, "prior_latents must be left out: for fake it is a tensor"],
      [
        options,
        { aesthetic_score: 6 },
        "aesthetic_score must be left out: fake has it for image-to-image",
      ],
      [options, { sigmas: Array(151).fill(1) }, "sigmas can be a list of 150 at most"],
      [options, { prompt_2: "é".repeat(4_001) }, "prompt_2 must be of at most 8000 bytes"],
      [options, { prompt_2: "\ud800" }, "prompt_2 must be valid Unicode text"],
      [
        options,
        { guidance_rescale: null, prompt_2: {}, sigmas: [], denoising_end: 2 },
        "denoising_end 2: it must be a finite number above 0 below 1",
      ],
    ];
    for (const [known, fields, message] of wrong) {
      const info = { info: { options: known as typeof unclip } };
      const sent = await ask(GENERATIONS, { prompt: "a", ...fields }, info);
      assertEquals(sent.status, 400, message);
      assertStringIncludes(sent.said, message);
    }
  });

  it("that are images come as data URLs, one or several where it reads several", async () => {
    const own = ownOptionsOf(await classes({ "inpaint": "FluxKontextInpaintPipeline" }));
    const one = ownOptionsOf(await classes({ "inpaint": "Flux2KleinInpaintPipeline" }));
    const bytes = Uint8Array.fromBase64(IMAGE);
    const url = `data:image/png;base64,${IMAGE}`;
    const sent = async (options: typeof own, fields: object, limits = {}) => {
      const { app, engine } = fakeApp(limits, { info: { options } });
      const input = { prompt: "a", image: url, mask: url, ...fields };
      const response = await app.request("/predictions", post({ input }));
      return [engine.begun[0]?.input.pictures, (await response.json()).detail];
    };
    assertEquals(await sent(own, { image_reference: url }), [
      { imageReference: [bytes] },
      undefined,
    ]);
    assertEquals(await sent(own, { imageReference: [url, url] }), [
      { imageReference: [bytes, bytes] },
      undefined,
    ]);
    const refused: [typeof own, object, string, object?][] = [
      [one, { image_reference: [url, url] }, "must be one image, but is a list of 2"],
      [own, { image_reference: Array(17).fill(url) }, "a list of 1 to 16 images"],
      [own, { image_reference: "https://a.example/b.png" }, "other addresses are not fetched"],
      [own, { ip_adapter_image: url }, "served without an IP-Adapter"],
      [own, { negative_ip_adapter_image: url }, "served without an IP-Adapter"],
    ];
    for (const [options, fields, message] of refused) {
      const [taken, detail] = await sent(options, fields);
      assertEquals(taken, undefined);
      assertStringIncludes(String(detail), message);
    }
  });

  it("that are images are taken from a form, too", async () => {
    const own = ownOptionsOf(await classes({ "inpaint": "FluxKontextInpaintPipeline" }));
    const url = `data:image/png;base64,${IMAGE}`;
    for (const [text, count] of [[url, 1], [JSON.stringify([url, url]), 2]] as const) {
      const { app, engine } = fakeApp({}, { info: { options: own } });
      const body = new FormData();
      body.append("prompt", "a");
      for (const name of ["image", "mask"]) {
        body.append(name, new Blob([Uint8Array.fromBase64(IMAGE)]), "a.png");
      }
      body.append("image_reference", text);
      await app.request("/v1/images/edits", { method: "POST", body });
      assertEquals(engine.begun[0]?.input.pictures?.["imageReference"]?.length, count);
    }
  });

  it("that set themselves no limit are not taken", async () => {
    const info = {
      info: { options: { length: { name: "length", option: { type: "integer" } } } },
    } as const;
    const sent = await ask(GENERATIONS, { prompt: "a", length: 5 }, info);
    assertEquals(sent.status, 400);
    assertStringIncludes(sent.said, "length must be left out: fake sets it no limit");
  });

  it("that multiply images count as so many", async () => {
    const info = { info: { options: layered } };
    const ask_ = (n: number, layers: number) =>
      ask("/predictions", {
        input: { prompt: "a", image: `data:image/png;base64,${IMAGE}`, num_outputs: n, layers },
      }, info);
    assertEquals((await ask_(2, 5)).options, { layers: 5 });
    const many = await ask_(2, 6);
    assertStringIncludes(many.said, "input.layers 6: it must be an integer from 1 to 5");
  });

  it("that multiply images count as many as a call makes by itself", async () => {
    const video = await classes({ "text-to-image": "TextToVideoZeroPipeline" });
    const { defaults } = video.get("text-to-image")!;
    const info = { info: { options: ownOptionsOf(video, defaults) } };
    const body = { prompt: "a", size: "512x512" };
    const open = await ask(GENERATIONS, body, info);
    assertStringIncludes(open.said, "Cannot make 8 images of 512x512");
    assertEquals((await ask(GENERATIONS, { ...body, video_length: 2 }, info)).status, 200);
  });

  it("that name a class are one image, and its number is none", async () => {
    const labels = ownOptionsOf(await classes({ "text-to-image": "ConsistencyModelPipeline" }));
    const info = { info: { options: labels } };
    const one = await ask(GENERATIONS, { prompt: "a", class_labels: 900 }, info);
    assertEquals(one.options, { classLabels: 900 }, one.said);
    const many = { prompt: "a", class_labels: Array(5).fill(1), n: 2, size: "256x256" };
    assertEquals((await ask(GENERATIONS, many, info)).status, 200);
    const larger = await ask(GENERATIONS, { ...many, size: "512x512" }, info);
    assertStringIncludes(larger.said, "Cannot make 10 images of 512x512");
  });

  it("can be any text that is Unicode, about its escapes too", async () => {
    const text = String.raw`a \ud83d, "b"`;
    const sent = await ask(GENERATIONS, { prompt: "a", prompt_2: text }, { info: { options } });
    assertEquals(sent.options, { prompt2: text }, sent.said);
  });

  it("leave what nobody has aside, with a warning", async () => {
    const sent = await ask(GENERATIONS, { prompt: "a", odd: 1, other: 2 }, { info: { options } });
    assertStringIncludes(sent.said, "odd, other were ignored: there are no such fields");
    assertEquals(sent.options, undefined);
  });
});
