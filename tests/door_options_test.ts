/**
 * Classes that are given more than a prompt or an image, or give more than images, by the command line and HTTP: the
 * same, by a repo of the class and by one that the class is named for.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { registry } from "@denoise/denoise";
import { createApp, inlineServingEngine } from "@denoise/functions";
import { readRecipe } from "@denoise/image";
import { post } from "../functions/tests/app.ts";
import { commandLine } from "./support/command_line.ts";
import { bytesIn, pngUrl } from "./support/data_url.ts";
import { assertSame, levels } from "./support/levels.ts";
import { photoIn } from "./support/photo_file.ts";
import { loadTask, type Task } from "./support/tasks.ts";
import { withIndex } from "./support/with_index.ts";

const folder = await Deno.makeTempDir({ prefix: "denoise-" });

interface Door {
  readonly task: Pick<Task, "pipeline" | "repo"> & { readonly parts?: Task["parts"] };
  readonly options: Readonly<Record<string, unknown>>;
  /** What of the options are files. */
  readonly files?: Readonly<Record<string, string>>;
  readonly scheduler?: string;
  /** What is drawn: the end of each file's name. */
  readonly made: readonly string[];
}

const IMAGE = new URL("../plugins/media/image/testdata/files/rgb.png", import.meta.url).pathname;
const { photo: PHOTO, mask: MASK } = await photoIn(folder);

const DOORS: readonly Door[] = [
  {
    task: { pipeline: "TextToVideoZeroPipeline", repo: "tiny-stable-diffusion" },
    options: { video_length: 2, t0: 1, t1: 2, frame_ids: [0, 3] },
    made: ["-1", "-2"],
  },
  {
    task: {
      pipeline: "StableDiffusionGLIGENPipeline",
      repo: "tiny-stable-diffusion",
      parts: { unet: "models/UNet2DConditionModel/gligen" },
    },
    options: { gligen_phrases: ["a cat"], gligen_boxes: [[0.1, 0.2, 0.6, 0.7]] },
    made: [""],
  },
  {
    task: {
      pipeline: "StableDiffusionGLIGENPipeline",
      repo: "tiny-stable-diffusion",
      parts: { unet: "parts/UNet2DConditionModel/gligen-inpaint" },
    },
    options: { gligen_phrases: ["a cat"], gligen_boxes: [[0.1, 0.2, 0.6, 0.7]] },
    files: { gligen_inpaint_image: IMAGE },
    made: [""],
  },
  {
    task: {
      pipeline: "StableDiffusionLDM3DPipeline",
      repo: "tiny-stable-diffusion",
      parts: { vae: "parts/AutoencoderKL/ldm3d-4" },
    },
    options: {},
    made: ["", "-depth"],
  },
  {
    task: { pipeline: "StableDiffusionDiffEditPipeline", repo: "tiny-stable-diffusion" },
    options: { source_prompt: "a bowl of fruits", num_maps_per_mask: 2 },
    files: { image: PHOTO },
    scheduler: "ddim",
    made: [""],
  },
  {
    task: { pipeline: "IFImg2ImgSuperResolutionPipeline", repo: "tiny-if-super-resolution" },
    options: { noise_level: 5 },
    files: { image: IMAGE, original_image: PHOTO },
    made: [""],
  },
  {
    task: { pipeline: "IFInpaintingSuperResolutionPipeline", repo: "tiny-if-super-resolution" },
    options: { noise_level: 5 },
    files: { image: IMAGE, original_image: PHOTO, mask: MASK },
    made: [""],
  },
];

/** Options that a flag of their own gives. */
const FLAGS = ["image", "mask"];

describe("by the command line and HTTP", () => {
  afterAll(() => Deno.remove(folder, { recursive: true }));

  for (const { task, options, files = {}, scheduler, made } of DOORS) {
    const of = Object.keys(files).map((name) => ` of ${name}`).join("");
    it(`${task.pipeline} makes the same${of}, by its repo and by its name`, async () => {
      const repo = await Deno.makeTempDir({ dir: folder });
      const pipe = await loadTask(task);
      await pipe.savePretrained(repo);
      await pipe.dispose();
      const own = Object.entries(options).flatMap(([name, value]) => [
        "--option",
        `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
      ]);
      const given = Object.entries(files).flatMap(([name, file]) =>
        FLAGS.includes(name) ? [`--${name}`, file] : ["--option", `${name}=${file}`]
      );
      const chosen = scheduler === undefined ? [] : ["--scheduler", scheduler];
      const flags = ["--steps", "4", "--seed", "3", ...own, ...given, ...chosen];
      const draw = async (name: string, model: readonly string[]) => {
        const out = `${repo}/${name}.png`;
        const words = ["generate", "a red apple", "--model", ...model, ...flags, "--out", out];
        const { code, said } = await commandLine(words);
        assertEquals(code, 0, said);
        return await Promise.all(made.map((end) => Deno.readFile(`${repo}/${name}${end}.png`)));
      };
      const ours = await draw("made", [repo]);
      // the same parts, of which nothing says that they are of the class
      const other = await withIndex(repo, { _class_name: "StableDiffusionPipeline" }, folder);
      const byName = await draw("named", [other, "--pipeline", task.pipeline]);
      const engine = inlineServingEngine({
        models: [
          { id: "one", location: repo },
          { id: "two", location: other, pipeline: task.pipeline },
        ],
        registry,
        warmup: false,
      });
      try {
        const app = createApp({ engine, registry });
        const sent = await Promise.all(
          Object.entries(files).map(async ([name, file]) => [
            name,
            pngUrl(await Deno.readFile(file)),
          ]),
        );
        const input = {
          ...{ prompt: "a red apple", seed: 3, num_inference_steps: 4, scheduler },
          ...options,
          ...Object.fromEntries(sent),
        };
        for (const model of ["one", "two"]) {
          const body = post({ input, model });
          const { output, status, error, detail, logs } =
            await (await app.request("/predictions", body)).json();
          assertEquals(status, "succeeded", error ?? detail);
          assertEquals(logs.includes("left out"), false, logs);
          assertEquals(output.length, made.length);
          for (const [i, address] of output.entries()) {
            const bytes = bytesIn(address);
            const calledBy = model === "two" ? task.pipeline : undefined;
            assertEquals(readRecipe(bytes)?.["calledBy"], calledBy);
            const theirs = await levels(bytes);
            for (const file of [ours[i]!, byName[i]!]) assertSame(await levels(file), theirs);
          }
        }
        await app.drain(0);
      } finally {
        await engine.close();
      }
    });
  }

  it("a class that is not there is refused as what was asked of the model, not of its repo", async () => {
    const location = new URL("fixtures/tiny-stable-diffusion", import.meta.url).pathname;
    const models = [{ id: "edit", location, pipeline: "StableDiffusionDifEditPipeline" }];
    const engine = inlineServingEngine({ models, registry, warmup: false });
    const error = await engine.ready().then(() => undefined, (error: Error) => error);
    await engine.close();
    assertStringIncludes(
      `${(error?.cause as Error | undefined)?.message}`,
      "No plugin provides StableDiffusionDifEditPipeline, which the server for edit asks for. " +
        "Did you mean StableDiffusionDiffEditPipeline?",
    );
  });
});
