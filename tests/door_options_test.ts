/**
 * Classes that are given more than a prompt or an image, or give more than images, by the command line and HTTP: the
 * same, or a line that says what is left out or refused.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { decodeImage, registry } from "@denoise/denoise";
import { createApp, inlineServingEngine } from "@denoise/functions";
import { post } from "../functions/tests/app.ts";
import { commandLine } from "./support/command_line.ts";
import { loadTask, type Task } from "./support/tasks.ts";

const IMAGE = new URL("../plugins/media/image/testdata/files/rgb.png", import.meta.url).pathname;
const folder = await Deno.makeTempDir({ prefix: "denoise-" });

interface Door {
  readonly task: Pick<Task, "pipeline" | "repo"> & { readonly parts?: Task["parts"] };
  readonly options: Readonly<Record<string, unknown>>;
  /** Options that are an image: a file of the command line, a data URL in a request. */
  readonly pictures?: readonly string[];
  readonly images: number;
  /** What is said. */
  readonly says?: string;
  /** Why HTTP does not serve it. */
  readonly refused?: string;
}

const DOORS: readonly Door[] = [
  {
    task: { pipeline: "TextToVideoZeroPipeline", repo: "tiny-stable-diffusion" },
    options: { video_length: 2, t0: 1, t1: 2, frame_ids: [0, 3] },
    images: 2,
    refused: "Cannot serve TextToVideoZeroPipeline: it does text-to-video",
  },
  {
    task: {
      pipeline: "StableDiffusionGLIGENPipeline",
      repo: "tiny-stable-diffusion",
      parts: { unet: "models/UNet2DConditionModel/gligen" },
    },
    options: { gligen_phrases: ["a cat"], gligen_boxes: [[0.1, 0.2, 0.6, 0.7]] },
    images: 1,
  },
  {
    task: {
      pipeline: "StableDiffusionGLIGENPipeline",
      repo: "tiny-stable-diffusion",
      parts: { unet: "parts/UNet2DConditionModel/gligen-inpaint" },
    },
    options: { gligen_phrases: ["a cat"], gligen_boxes: [[0.1, 0.2, 0.6, 0.7]] },
    pictures: ["gligen_inpaint_image"],
    images: 1,
  },
  {
    task: {
      pipeline: "StableDiffusionLDM3DPipeline",
      repo: "tiny-stable-diffusion",
      parts: { vae: "parts/AutoencoderKL/ldm3d-4" },
    },
    options: {},
    images: 1,
    says: "depth of StableDiffusionLDM3DPipeline is a tensor and left out here",
  },
];

describe("by the command line and HTTP", () => {
  afterAll(() => Deno.remove(folder, { recursive: true }));

  for (const { task, options, pictures = [], images, says, refused } of DOORS) {
    const deed = refused === undefined ? "makes the same" : "is drawn, and refused";
    it(`${task.pipeline} ${deed}${pictures.map((name) => ` of ${name}`)}`, async () => {
      const repo = await Deno.makeTempDir({ dir: folder });
      const pipe = await loadTask(task);
      await pipe.savePretrained(repo);
      await pipe.dispose();
      const out = `${repo}/made.png`;
      const own = Object.entries(options).flatMap(([name, value]) => [
        "--option",
        `${name}=${JSON.stringify(value)}`,
      ]);
      for (const name of pictures) own.push("--option", `${name}=${IMAGE}`);
      const flags = ["--model", repo, "--steps", "4", "--seed", "3", "--out", out];
      const { code, said } = await commandLine(["generate", "a red apple", ...flags, ...own]);
      assertEquals(code, 0, said);
      const files = images === 1
        ? [out]
        : Array.from({ length: images }, (_, i) => `${repo}/made-${i + 1}.png`);
      const engine = inlineServingEngine({
        models: [{ id: "one", location: repo }],
        registry,
        warmup: false,
      });
      try {
        for (const file of files) assert((await Deno.stat(file)).size > 0);
        if (refused !== undefined) {
          const error = await engine.ready().then(() => undefined, (error: Error) => error);
          assertStringIncludes(`${(error?.cause as Error | undefined)?.message}`, refused);
          return;
        }
        const app = createApp({ engine, registry });
        const url = `data:image/png;base64,${(await Deno.readFile(IMAGE)).toBase64()}`;
        const given = Object.fromEntries(pictures.map((name) => [name, url]));
        const body = {
          prompt: "a red apple",
          seed: 3,
          num_inference_steps: 4,
          ...options,
          ...given,
        };
        const response = await app.request("/v1/images/generations", post(body));
        const { data, warnings, error } = await response.json();
        assertEquals(data?.length, images, JSON.stringify(error));
        for (const [i, { b64_json }] of data.entries()) {
          const ours = (await decodeImage(await Deno.readFile(files[i]!))).data;
          const theirs = (await decodeImage(Uint8Array.fromBase64(b64_json))).data;
          const most = Math.max(...ours.map((value, k) => Math.abs(value - theirs[k]!)));
          assert(most <= 2, `${most}`); // optimized graphs move the last bits
        }
        assertEquals(warnings.length, says === undefined ? 0 : 1, `${warnings}`);
        if (says !== undefined) {
          assertStringIncludes(warnings[0], says);
          assertStringIncludes(said, says);
        }
        await app.drain(0);
      } finally {
        await engine.close();
      }
    });
  }
});
