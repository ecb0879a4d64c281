import {
  resizeSpatial,
  type TimestepOptions,
  timestepOptions,
  type UnconditionalOptions,
  unconditionalOptions,
} from "@denoise/diffusion";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { definePipeline, joinPath, Tensor } from "@denoise/core";
import { DiffusionPipeline, EulerDiscreteScheduler, readRecipe } from "@denoise/denoise";
import { registry } from "@denoise/denoise/registry";
import { ServeError } from "../contract/errors.ts";
import type { JobEvent, RunEvent } from "../contract/job.ts";
import { memoryQueue } from "../queue/memory_queue.ts";
import { imagesOf, job, TINY } from "../tests/jobs.ts";
import { childServingEngine } from "./child.ts";
import { startEngine } from "./child_process.ts";
import type { ServingEngine } from "./engine.ts";
import { inlineServingEngine } from "./inline.ts";

const models = [{ id: "tiny", location: TINY }];
const never = new AbortController().signal;

async function using<E extends ServingEngine>(
  engine: E,
  test: (engine: E) => Promise<void>,
): Promise<void> {
  try {
    await test(engine);
  } finally {
    await engine.close();
  }
}

const homes = { inlineServingEngine, childServingEngine };
const LORAS = new URL("../../tests/golden/lora", import.meta.url).pathname;

for (const [name, open] of Object.entries(homes)) {
  describe(`${name}()`, () => {
    it("applies the LoRAs of a job to it alone, and says which there are", async () => {
      const { decodeImage } = await import("@denoise/denoise");
      const pipe = await DiffusionPipeline.fromPretrained(TINY);
      const options = { numInferenceSteps: 2, seed: 0n };
      const plain = (await pipe("a cat", options)).images[0]!.data;
      await pipe.loadLoraWeights(`${LORAS}/peft.safetensors`, { adapterName: "peft" });
      await pipe.setAdapters("peft", { unet: 0.7, textEncoder: 0.2 });
      const changed = (await pipe("a cat", options)).images[0]!.data;
      await pipe.dispose();
      assertNotEquals(changed, plain);
      await using(open({ models, registry, loraFolder: LORAS }), async (engine) => {
        const [info] = await engine.ready();
        assert(info!.loras!.includes("peft") && info!.loras!.includes("kohya"));
        const loras = [{ name: "peft", weight: 0.7, textWeight: 0.2 }];
        const draw = async (input: object) =>
          (await decodeImage((await imagesOf(engine.run(job("1", input), never)))[0]!)).data;
        assertEquals(await draw({ loras }), changed);
        assertEquals(await draw({ loras }), changed);
        assertEquals(await draw({}), plain);
        const refused: [string, string][] = [
          ["none", 'Cannot use the LoRA "none": there are '],
          ["../lora/peft", "Cannot use the LoRA"],
          ["images", "Cannot load the LoRA images: it has a tensor"],
        ];
        for (const [name, message] of refused) {
          const run = () => draw({ loras: [{ name, weight: 1 }] });
          const error = await assertRejects(run, ServeError, message);
          assertEquals([error.code, error.field], ["invalid_input", "loras"]);
          assert(!error.message.includes(LORAS), error.message);
        }
        assertEquals(await draw({}), plain);
      });
    });

    it("serves quantized models", async () => {
      const { decodeImage } = await import("@denoise/denoise");
      const emoji = "denoise/emoji"; // its layers are wide enough, those of the tiny one are not
      const draw = async (quantization?: "int8") => {
        const pipe = await DiffusionPipeline.fromPretrained(emoji, {
          quantization,
          optimize: "speed",
        });
        const { images } = await pipe("a cat", { numInferenceSteps: 2, seed: 0n });
        await pipe.dispose();
        return images[0]!.data;
      };
      const served = [{ id: "tiny", location: emoji }];
      await using(open({ models: served, registry, quantization: "int8" }), async (engine) => {
        await engine.ready();
        const [image] = await imagesOf(engine.run(job("1"), never));
        const { data } = await decodeImage(image!);
        assertEquals(data, await draw("int8"));
        assertNotEquals(data, await draw());
      });
    });

    it("makes a second pass over larger images, as the two pipelines do", async () => {
      const { decodeImage, StableDiffusionImg2ImgPipeline } = await import("@denoise/denoise");
      const { editor } = await registry.images();
      const pipe = await DiffusionPipeline.fromPretrained(TINY, { optimize: "speed" });
      const again = await StableDiffusionImg2ImgPipeline.fromPretrained(TINY, {
        optimize: "speed",
      });
      const options = { numInferenceSteps: 2, seed: 0n, numImagesPerPrompt: 2 };
      const { images } = await pipe("a cat", options);
      const { tensor } = await pipe("a cat", { ...options, outputType: "latent" });
      const second = { ...options, numInferenceSteps: 4, strength: 0.5 };
      const expected = {
        lanczos: await again("a dog", {
          ...second,
          image: images.map((image) => editor!.resize(image, 64, 48)),
        }),
        "latent-bicubic": await again("a dog", {
          ...second,
          image: resizeSpatial(tensor!, 12, 16, "bicubic"),
        }),
      };
      await pipe.dispose();
      await again.dispose();
      await using(open({ models, registry }), async (engine) => {
        for (const [upscaler, { images }] of Object.entries(expected)) {
          const secondPass = {
            ...{ width: 64, height: 48, strength: 0.5, steps: 4, prompt: "a dog" },
            upscaler: upscaler as "lanczos",
          };
          const steps: string[] = [];
          let files: readonly Uint8Array[] = [];
          for await (const event of engine.run(job("1", { secondPass, count: 2 }), never)) {
            if (event.type === "step") steps.push(`${event.step}/${event.of}`);
            if (event.type === "warning") throw new Error(event.message);
            if (event.type === "succeeded") files = event.images.map(({ bytes }) => bytes);
          }
          // PNDM plans one timestep more than steps, which is known when the pass begins
          assertEquals(steps, ["1/5", "2/5", "3/5", "4/6", "5/6", "6/6"]);
          for (const [i, file] of files.entries()) {
            const image = await decodeImage(file);
            assertEquals([image.width, image.height], [64, 48]);
            assertEquals(image.data, images[i]!.data, upscaler);
          }
        }
      });
    });

    it("makes the images that the pipeline makes, with their recipes", async () => {
      const pipe = await DiffusionPipeline.fromPretrained(TINY, { optimize: "speed" });
      const options = { numInferenceSteps: 2, seed: 4n, numImagesPerPrompt: 2 };
      const { images } = await pipe("a cat", options);
      pipe.scheduler = EulerDiscreteScheduler.fromConfig(pipe.scheduler.config);
      const { images: byEuler } = await pipe("a cat", options);
      await pipe.dispose();
      const { decodeImage } = await import("@denoise/denoise");
      await using(open({ models, registry }), async (engine) => {
        const [info] = await engine.ready();
        assertEquals(info!.tasks, ["text-to-image", "image-to-image", "inpaint"]);
        assertEquals([info!.width, info!.height, info!.sizeMultiple], [32, 32, 8]);
        const input = { seed: "4", count: 2 };
        const files = await imagesOf(engine.run(job("1", input), never));
        const scheduler = "EulerDiscreteScheduler";
        const others = await imagesOf(engine.run(job("2", { ...input, scheduler }), never));
        for (const [i, file] of files.entries()) {
          assertEquals((await decodeImage(file)).data, images[i]!.data);
          assertEquals((await decodeImage(others[i]!)).data, byEuler[i]!.data);
        }
        const recipe = readRecipe(files[1]!)!;
        assertEquals([recipe["seed"], recipe["model"]], ["5", "tiny"]);
        assertEquals(readRecipe(others[0]!)!["scheduler"], scheduler);
      });
    });

    it("does every task of the model, with images of any size and format", async () => {
      await using(open({ models, registry }), async (engine) => {
        const [image] = await imagesOf(engine.run(job("1", { width: 40, height: 24 }), never));
        const [jpeg] = await imagesOf(engine.run(job("2", { format: "jpeg", quality: 50 }), never));
        assertEquals([...jpeg!.subarray(0, 2)], [0xff, 0xd8]);
        const strength = 0.9;
        for (const given of [{ image }, { image: jpeg }, { image, width: 16, height: 16 }]) {
          const task = "image-to-image";
          const [changed] = await imagesOf(
            engine.run(job("3", { ...given, strength }, { task }), never),
          );
          assert(changed!.length > 100);
        }
        const small = job("5", { image, strength }, { task: "image-to-image", keyPixels: 100 });
        const call = () => imagesOf(engine.run(small, never));
        await assertRejects(call, ServeError, "100 at most with this key");
        const task = "inpaint";
        const [inpainted] = await imagesOf(
          engine.run(job("4", { image, mask: image }, { task }), never),
        );
        assert(inpainted!.length > 100);
      });
    });

    it("tells its steps and previews, and stops at the step after the signal", async () => {
      await using(open({ models, registry }), async (engine) => {
        const events: RunEvent[] = [];
        for await (const event of engine.run(job("1", { steps: 6, previews: 2 }), never)) {
          events.push(event);
        }
        const steps = events.flatMap((event) => event.type === "step" ? [event.step] : []);
        assertEquals(steps, [1, 2, 3, 4, 5, 6, 7], "PNDM costs one call more than steps");
        assertEquals(events.filter(({ type }) => type === "preview").length, 2);
        const sides = events.flatMap((event) =>
          event.type === "preview" ? [event.image.width] : []
        );
        assertEquals(sides, [32, 32], "small images are decoded");
        const rough = job("3", { steps: 4, previews: 1, width: 288, height: 288 });
        for await (const event of engine.run(rough, never)) {
          if (event.type === "preview") assertEquals(event.image.width, 288 / 4, "one a latent");
          if (event.type === "succeeded") assertEquals(event.images[0]!.width, 288);
        }
        const controller = new AbortController();
        let after = 0;
        const error = await assertRejects(async () => {
          for await (const event of engine.run(job("2", { steps: 100 }), controller.signal)) {
            if (event.type !== "step") continue;
            if (controller.signal.aborted) after++;
            if (event.step === 3) controller.abort();
          }
        });
        assert(error instanceof ServeError || error instanceof DOMException);
        assert(after <= 1, `${after} steps came after the signal`);
        assertEquals((await imagesOf(engine.run(job("3"), never))).length, 1, "it works on");
        // the 899 other steps take longer than a run has to end in that was cancelled
        const large = job("4", { steps: 900, width: 384, height: 384 });
        const stop = new AbortController();
        const run = engine.run(large, stop.signal);
        await run.next();
        stop.abort();
        await assertRejects(() => imagesOf(run));
        await imagesOf(engine.run(job("5"), never));
        assertEquals(engine.restarts, 0, "the cancelled run went on, and its process was ended");
      });
    });

    it("tells of wrong input as such, without paths", async () => {
      await using(open({ models, registry }), async (engine) => {
        const wrong: [Parameters<typeof job>[1], string, string][] = [
          [{ steps: 5000 }, "invalid_input", "integer from 1 to 1000"],
          [
            { image: Uint8Array.of(1, 2, 3), strength: 1 },
            "invalid_input",
            "PNG, JPEG, WebP, GIF",
          ],
          [{ image: new Uint8Array(), strength: 1 }, "invalid_input", "it is empty"],
        ];
        for (const [input, code, message] of wrong) {
          const task = input?.image === undefined ? "text-to-image" : "image-to-image";
          const run = () => imagesOf(engine.run(job("1", input, { task }), never));
          const error = await assertRejects(run, ServeError, message);
          assertEquals(error.code, code);
        }
        const none = () => imagesOf(engine.run(job("1", {}, { model: "none" }), never));
        assertEquals((await assertRejects(none, ServeError)).code, "model_not_found");
      });
    });

    it("reads a model whose files are links to those of another folder, as in the Hub's cache", async () => {
      const folder = await Deno.makeTempDir();
      try {
        await copyFolder(TINY, `${folder}/snapshot`);
        await Deno.mkdir(`${folder}/blobs`);
        for (const part of ["unet", "vae", "text_encoder"]) {
          const [from] = [...Deno.readDirSync(`${folder}/snapshot/${part}`)]
            .filter(({ name }) => name.endsWith(".safetensors"));
          const path = `${folder}/snapshot/${part}/${from!.name}`;
          await Deno.rename(path, `${folder}/blobs/${part}`);
          await Deno.symlink(`../../blobs/${part}`, path);
        }
        const linked = [{ id: "linked", location: `${folder}/snapshot` }];
        await using(open({ models: linked, registry }), async (engine) => {
          assertEquals((await engine.ready()).map(({ id }) => id), ["linked"]);
        });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });

    it("fails for a model whose task nobody can ask for, and says so to the log", async () => {
      const location = new URL("../../tests/fixtures/tiny-kandinsky22", import.meta.url);
      const decoder = [{ id: "decoder", location: location.pathname }];
      await using(open({ models: decoder, registry }), async (engine) => {
        const error = await assertRejects(() => engine.ready(), ServeError);
        assertEquals(error.code, "model_unavailable");
        const { message } = (engine.state as { error: Error }).error;
        assert(message.includes("KandinskyV22Pipeline: it does embeds-to-image"), message);
      });
    });

    it("fails when a model's file is broken, and says why to the log alone", async () => {
      const folder = await Deno.makeTempDir();
      try {
        await copyFolder(TINY, folder);
        const weights = joinPath(folder, "unet", "diffusion_pytorch_model.safetensors");
        await Deno.truncate(weights, 5_000);
        const broken = [{ id: "broken", location: folder }];
        await using(open({ models: broken, registry }), async (engine) => {
          const error = await assertRejects(() => engine.ready(), ServeError);
          assertEquals(error.code, "model_unavailable");
          assert(!error.message.includes(folder));
          assertEquals(engine.state.phase, "failed");
          const { message } = (engine.state as { error: Error }).error;
          assert(message.includes("safetensors"), message);
        });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  });
}

describe("inlineServingEngine()", () => {
  it("takes options of the scheduler", async () => {
    const schedulerConfig = { use_karras_sigmas: true };
    const pipe = await DiffusionPipeline.fromPretrained(TINY, { optimize: "speed" });
    pipe.scheduler = EulerDiscreteScheduler.fromConfig(pipe.scheduler.config, schedulerConfig);
    const { images: [image] } = await pipe("a cat", { numInferenceSteps: 4, seed: 4n });
    await pipe.dispose();
    const { decodeImage } = await import("@denoise/denoise");
    await using(inlineServingEngine({ models, registry, warmup: false }), async (engine) => {
      const input = { seed: "4", steps: 4, scheduler: "EulerDiscreteScheduler" };
      const [plain] = await imagesOf(engine.run(job("1", input), never));
      const [karras] = await imagesOf(engine.run(job("2", { ...input, schedulerConfig }), never));
      assertEquals((await decodeImage(karras!)).data, image!.data);
      assertNotEquals((await decodeImage(plain!)).data, image!.data);
    });
  });

  it("warms up a model whose scheduler plans no single step", async () => {
    const own = new URL("../../tests/fixtures/tiny-sd3", import.meta.url).pathname;
    const folder = await Deno.makeTempDir();
    try {
      for (const { name } of Deno.readDirSync(own)) {
        if (name !== "scheduler") await Deno.symlink(`${own}/${name}`, `${folder}/${name}`);
      }
      await Deno.mkdir(`${folder}/scheduler`);
      const config = JSON.parse(
        await Deno.readTextFile(`${own}/scheduler/scheduler_config.json`),
      );
      await Deno.writeTextFile(
        `${folder}/scheduler/scheduler_config.json`,
        JSON.stringify({ ...config, shift_terminal: 0.02 }),
      );
      const located = [{ id: "flow", location: folder }];
      await using(inlineServingEngine({ models: located, registry }), async (engine) => {
        assertEquals((await engine.ready()).map(({ id }) => id), ["flow"]);
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  it("reads images together with a model that does", async () => {
    const location = new URL("../../tests/fixtures/tiny-qwen-image21", import.meta.url).pathname;
    const { DenoiseImage } = await import("@denoise/denoise");
    const [image, other] = await Promise.all(
      [60, 200].map((value) =>
        new DenoiseImage(40, 90, 3, new Uint8Array(10_800).fill(value)).encode("png")
      ),
    );
    await using(
      inlineServingEngine({ models: [{ id: "qwen", location }], registry, warmup: false }),
      async (engine) => {
        const [model] = await engine.ready();
        assertEquals([model!.tasks, model!.images], [["text-to-image", "image-to-image"], 10]);
        const made = async (id: string, more: object) => {
          const input = { seed: "4", steps: 2, options: { outputResolution: 64 }, ...more };
          const call = { model: "qwen", task: "image-to-image" } as const;
          const [file] = await imagesOf(engine.run(job(id, input, call), never));
          return file!;
        };
        const one = await made("1", { image });
        assertNotEquals(one, await made("2", { image, moreImages: [other!] }));
      },
    );
  });

  it("serves a pipeline of several schedulers with its own, and refuses to choose one", async () => {
    const unclip = [{
      id: "unclip",
      location: new URL("../../tests/fixtures/tiny-unclip", import.meta.url).pathname,
    }];
    await using(
      inlineServingEngine({ models: unclip, registry, warmup: false }),
      async (engine) => {
        const made = await imagesOf(
          engine.run(job("1", { seed: "4" }, { model: "unclip" }), never),
        );
        assertEquals(made.length, 1);
        const chosen = imagesOf(
          engine.run(
            job("2", { seed: "4", scheduler: "DDPMScheduler" }, { model: "unclip" }),
            never,
          ),
        );
        const error = await assertRejects(() => chosen, ServeError, "several schedulers");
        assertEquals(error.code, "invalid_input");
      },
    );
  });

  it("gives NaN as an error of its own, not as a black image", async () => {
    const NaNPipeline = definePipeline<
      { scheduler: unknown },
      [options?: UnconditionalOptions & TimestepOptions],
      { images: never[] }
    >({
      className: "NaNPipeline",
      task: "unconditional-image-generation",
      options: { ...unconditionalOptions, ...timestepOptions },
      components: { scheduler: { kind: "scheduler" } },
      async *generate(run) {
        const codec = await run.images();
        const latents = Tensor.zeros([1]);
        yield { index: 0, total: 1, timestep: 0, latents, preview: () => Promise.resolve([]) };
        return { images: codec.fromTensor(Tensor.full([1, 3, 8, 8], NaN)) as never[] };
      },
    });
    const folder = await Deno.makeTempDir();
    try {
      await copyFolder(joinPath(TINY, "scheduler"), joinPath(folder, "scheduler"));
      const index = { _class_name: "NaNPipeline", scheduler: ["diffusers", "PNDMScheduler"] };
      await Deno.writeTextFile(joinPath(folder, "model_index.json"), JSON.stringify(index));
      const plugins = registry.with([NaNPipeline]);
      const options = { models: [{ id: "nan", location: folder }], registry: plugins };
      await using(inlineServingEngine({ ...options, warmup: false }), async (engine) => {
        const run = job("1", {}, { model: "nan", task: "unconditional" });
        const error = await assertRejects(() => imagesOf(engine.run(run, never)), ServeError);
        assertEquals(error.code, "nan_output");
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});

describe("childServingEngine()", () => {
  it("tells of its end at once, and is ready again", async () => {
    const lost: string[] = [];
    await using(
      childServingEngine({ models, registry, onLost: (why) => lost.push(why) }),
      async (engine) => {
        await engine.ready();
        const run = engine.run(job("1", { steps: 100 }), never);
        await run.next();
        Deno.kill(engine.pid!, "SIGKILL");
        const error = await assertRejects(() => imagesOf(run), ServeError);
        assertEquals(error.code, "engine_lost");
        assertEquals(engine.state.phase, "starting", "at once, not when it is ready again");
        await engine.ready();
        assertEquals([engine.restarts, lost.length], [1, 1]);
        assertEquals((await imagesOf(engine.run(job("2"), never))).length, 1);
      },
    );
  });

  it("ends a process that hangs, and is ready again", async () => {
    const lost = Promise.withResolvers<string>();
    const options = { models, registry, stuckMs: 50, onLost: lost.resolve };
    await using(childServingEngine(options), async (engine) => {
      const controller = new AbortController();
      const run = engine.run(job("1", { steps: 100 }), controller.signal);
      await run.next();
      Deno.kill(engine.pid!, "SIGSTOP");
      controller.abort();
      const error = await assertRejects(() => imagesOf(run), ServeError);
      assertEquals(error.code, "canceled");
      assertEquals(await lost.promise, "it ended by SIGKILL");
      assertEquals((await imagesOf(engine.run(job("2"), never))).length, 1);
    });
  });

  it("loses none of 100 jobs when it is killed again and again", async () => {
    await using(childServingEngine({ models, registry }), async (engine) => {
      const queue = memoryQueue(engine, { bound: 100 });
      const input = { seed: "7", steps: 1, width: 16, height: 16 };
      await engine.ready();
      const alone = await imagesOf(engine.run(job("alone", input), never));
      const ends = Array.from({ length: 100 }, async (_, i) => {
        const one = job(`${i}`, input, { keepMs: 60_000 });
        await queue.submit(one);
        let last: JobEvent | undefined;
        for await (const event of queue.follow(one.id)) {
          last = event;
          const isVictim = i % 30 === 3 && event.type === "step" && event.step === 1;
          if (isVictim && (await queue.find(one.id)).latest.started!.attempt === 1) {
            Deno.kill(engine.pid!, "SIGKILL");
          }
        }
        return last!;
      });
      for (const end of await Promise.all(ends)) {
        assert(end.type === "succeeded", JSON.stringify(end));
        assertEquals(end.images[0]!.bytes, alone[0]);
      }
      assertEquals(engine.restarts, 4);
      await queue.close(0);
    });
  });

  it("gives eight runs at once, with other seeds and schedulers, the images they give alone", async () => {
    await using(childServingEngine({ models, registry }), async (engine) => {
      const schedulers = ["PNDMScheduler", "DDIMScheduler", "EulerDiscreteScheduler", undefined];
      const runs = Array.from({ length: 8 }, (_, i) => {
        return job(`${i}`, { seed: `${i}`, steps: 2 + i % 3, scheduler: schedulers[i % 4] });
      });
      const alone = [];
      for (const run of runs) alone.push((await imagesOf(engine.run(run, never)))[0]);
      const together = await Promise.all(runs.map((run) => imagesOf(engine.run(run, never))));
      assertEquals(together.map(([file]) => file), alone);
    });
  });

  it("cannot reach the network, other files or programs", async () => {
    const folder = await Deno.makeTempDir({ dir: new URL(".", import.meta.url).pathname });
    try {
      const entry = joinPath(folder, "entry.ts");
      await Deno.writeTextFile(
        entry,
        `const wanted = [
          { name: "net" }, { name: "run" }, { name: "write" }, { name: "sys" },
          { name: "read", path: "/etc/passwd" },
        ];
        const states = await Promise.all(wanted.map((one) => Deno.permissions.query(one)));
        const isOpen = states.some(({ state }) => state === "granted");
        Deno.exit(isOpen || Deno.env.has("DENOISE_API_KEYS") ? 8 : 7);`,
      );
      Deno.env.set("DENOISE_API_KEYS", "secret-key");
      const child = startEngine({ entry: new URL(`file://${entry}`), read: [TINY] }, () => {});
      assertEquals(await child.ended, "it ended with code 7");
    } finally {
      Deno.env.delete("DENOISE_API_KEYS");
      await Deno.remove(folder, { recursive: true });
    }
  });
});

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const [source, target] = [joinPath(from, name), joinPath(to, name)];
    if (isDirectory) await copyFolder(source, target);
    else await Deno.copyFile(source, target);
  }
}
