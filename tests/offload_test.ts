/**
 * Models that do not fit into memory.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CLIPTextModel,
  ControlNetModel,
  DenoiseError,
  DiffusionPipeline,
  FirstBlockCacheConfig,
  FluxPipeline,
  StableDiffusionControlNetPipeline,
  StableDiffusionPipeline,
  Tensor,
} from "@denoise/denoise";
import { type Engine, inlineEngine } from "@denoise/onnx";
import { leave, makeRoom, touch } from "../plugins/runtimes/onnx/memory.ts";
import { fixture } from "./support/golden.ts";
import { writeWideFlux } from "./support/wide_flux.ts";

const TINY = "tiny-stable-diffusion";
const call = { numInferenceSteps: 2, seed: 0, outputType: "tensor" } as const;

describe(
  "a pipeline on a machine with little memory",
  { ignore: Deno.build.os !== "linux" },
  () => {
    const MB = 1e6;
    let folder = "";

    beforeAll(async () => {
      folder = await Deno.makeTempDir();
      await writeWideFlux(folder);
    });

    afterAll(() => Deno.remove(folder, { recursive: true }));

    async function draw(bytes: number, blocks?: number) {
      const program = new URL("support/limited_memory.ts", import.meta.url).pathname;
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          program,
          folder,
          `${bytes}`,
          ...(blocks ? [`${blocks}`] : []),
        ],
      }).output();
      const text = new TextDecoder().decode(stdout);
      if (text === "") throw new Error(new TextDecoder().decode(stderr));
      return JSON.parse(text) as { numbers: number[]; warnings: string[] };
    }

    it("streams a transformer of twice the memory, and makes the same image", async () => {
      const { size } = await Deno.stat(`${folder}/diffusion_pytorch_model.safetensors`);
      const whole = await draw(40 * size);
      assertEquals(whole.warnings, []);
      const streamed = await draw(size / 2);
      assertEquals(streamed.numbers, whole.numbers);
      const [warning, ...others] = streamed.warnings;
      assert(
        /^FluxTransformer2DModel has 2\d\d MB of weights, and \d+ MB of memory/.test(warning!),
      );
      assert(warning!.includes("it is streamed"), warning);
      assertEquals(others, []);
      assert(size > 280 * MB);
      // all of its blocks at once do not fit, so that the limit is one: onnxruntime fails, or V8 beside it
      await assertRejects(() => draw(size / 2, 1000), Error);
    });
  },
);

/** An engine that notes which sessions are made and released. */
function noting(events: string[]): Engine {
  const inner = inlineEngine();
  return {
    async createSession(spec) {
      const session = await inner.createSession(spec);
      events.push(`+${spec.name}`);
      return {
        run: (inputs, options) => session.run(inputs, options),
        release: () => (events.push(`-${spec.name}`), session.release()),
      };
    },
    close: () => inner.close(),
  };
}

describe("enableModelCpuOffload()", () => {
  const [TEXT, UNET, VAE] = [
    "CLIPTextModel.forward",
    "UNet2DConditionModel.forward",
    "AutoencoderKL.decode",
  ];

  it("has models in memory in their turn, and makes the same image", async () => {
    const events: string[] = [];
    const pipe = await StableDiffusionPipeline.fromPretrained(fixture(TINY), {
      engine: noting(events),
    });
    const { tensor: before } = await pipe("a cat", call);
    assertEquals(events.splice(0), [`+${TEXT}`, `+${UNET}`, `+${VAE}`]);
    pipe.enableModelCpuOffload();
    const { tensor: other } = await pipe("a dog", call);
    // the text encoder's turn: the others go
    assertEquals(events.splice(0), [
      ...[`-${VAE}`, `-${UNET}`, `-${TEXT}`],
      ...[`+${UNET}`, `-${UNET}`, `+${VAE}`, `-${VAE}`],
    ]);
    assert(other!.data.some((value, i) => value !== before!.data[i]));
    const { tensor: again } = await pipe("a cat", call);
    assertEquals(again!.data, before!.data);
    // the prompt is remembered, so that the text encoder stays out
    assertEquals(events.splice(0), [`+${UNET}`, `-${UNET}`, `+${VAE}`, `-${VAE}`]);
    await pipe.dispose();
  });

  it("has a ControlNet and the UNet in memory together during the steps", async () => {
    const events: string[] = [];
    const engine = noting(events);
    const controlnet = await ControlNetModel.fromPretrained(fixture("models/ControlNetModel/sd1"), {
      engine,
    });
    const pipe = await StableDiffusionControlNetPipeline.fromPretrained(fixture(TINY), {
      controlnet,
      engine,
    });
    pipe.enableModelCpuOffload();
    const image = Tensor.full([1, 3, 32, 32], 0.5);
    await pipe("a cat", { ...call, numInferenceSteps: 5, image });
    const made = (name: string) => events.filter((event) => event === `+${name}.forward`).length;
    assertEquals([made("UNet2DConditionModel"), made("ControlNetModel")], [1, 2]);
    await pipe.dispose();
  });
});

describe("models that do not fit beside each other", () => {
  const resident = (className: string, sizes: Map<string, number>, isBusy = false) => ({
    className,
    device: "cpu" as const,
    get heldBytes() {
      return sizes.get(className) ?? 0;
    },
    isBusy,
    release: () => Promise.resolve(void sizes.delete(className)),
  });

  it("make room, the least recently used first, but not while they run", async () => {
    const sizes = new Map([["A", 40], ["B", 30], ["C", 20]]);
    const free = () => 100 - [...sizes.values()].reduce((sum, size) => sum + size, 0);
    const [a, b, c] = [
      resident("A", sizes, true),
      resident("B", sizes),
      resident("C", sizes),
    ] as const;
    for (const model of [a, b, c]) touch(model);
    const d = resident("D", new Map());
    assertEquals(await makeRoom(d, 8, free), { fits: true, room: 8, released: [] });
    assertEquals(await makeRoom(d, 30, free), { fits: true, room: 32, released: ["B"] });
    assertEquals(await makeRoom(d, 60, free), { fits: false, room: 48, released: ["C"] });
    for (const model of [a, b, c]) leave(model);
  });
});

/** A card with a limit: an engine on the CPU, where the weights of all sessions may be so many bytes. */
function smallCard(most: number, events: string[]): Engine {
  const engine = inlineEngine();
  let used = 0;
  return {
    ...engine,
    async createSession(spec) {
      const bytes = spec.name === "probe" ? 0 : 1; // each session is one unit here
      if (used + bytes > most) throw new DenoiseError("out_of_memory", "the card is full");
      const session = await engine.createSession({ ...spec, device: "cpu" });
      used += bytes;
      if (bytes > 0) events.push(`+${spec.name}`);
      return {
        run: (inputs, options) => session.run(inputs, options),
        async release() {
          used -= bytes;
          if (bytes > 0) events.push(`-${spec.name}`);
          await session.release();
        },
      };
    },
  };
}

describe("models on a card", () => {
  const ids = Tensor.from([[1n, 5n, 2n]]);
  const load = (engine: Engine, options = {}) =>
    Promise.all([1, 2].map(() =>
      CLIPTextModel.fromPretrained(fixture("models/CLIPTextModel/sd1"), {
        engine,
        device: "cuda",
        onWarning: () => {},
        ...options,
      })
    ));

  it("leave it for others where it is full, and come back", async () => {
    const events: string[] = [];
    const [a, b] = await load(smallCard(1, events));
    const first = await a!.forward(ids);
    const second = await b!.forward(ids);
    const again = await a!.forward(ids, { outputHiddenStates: true });
    const name = "CLIPTextModel.forward";
    assertEquals(events, [`+${name}`, `-${name}`, `+${name}`, `-${name}`, `+${name}`]);
    assertEquals(second.lastHiddenState.data, first.lastHiddenState.data);
    assertEquals(again.lastHiddenState.data, first.lastHiddenState.data);
    await Promise.all([a, b].map((model) => model!.dispose()));
  });

  it("are refused where none can leave", async () => {
    const [a] = await load(smallCard(0, []));
    await assertRejects(() => a!.forward(ids), DenoiseError, "the card is full");
  });

  it("keep to gpuMemoryLimit", async () => {
    const bytes = 4 * (await load(smallCard(9, [])))[0]!.numParameters;
    for (const [limit, released] of [[2.1 * bytes, 1], [4 * bytes, 0]] as const) {
      const events: string[] = [];
      const gpuMemoryLimit = Math.round(limit);
      const [a, b] = await load(smallCard(9, events), { gpuMemoryLimit });
      for (const model of [a, b]) await model!.forward(ids);
      assertEquals(events.filter((event) => event.startsWith("-")).length, released);
      await Promise.all([a, b].map((model) => model!.dispose()));
    }
  });
});

describe("enableGroupOffload()", () => {
  for (
    const name of [TINY, "tiny-stable-diffusion-fp16", "tiny-stable-diffusion-xl", "tiny-flux-dev"]
  ) {
    it(`streams the models of ${name}, and makes the same image`, async () => {
      const pipe = await DiffusionPipeline.fromPretrained(fixture(name), {
        ...(name.endsWith("fp16") ? { variant: "fp16" } : {}),
      });
      const { tensor: before } = await pipe("a cat", call) as { tensor: { data: Float32Array } };
      for (const numBlocksPerGroup of [1, 2]) {
        await pipe.enableGroupOffload({ numBlocksPerGroup });
        const { tensor } = await pipe("a cat", call) as { tensor: { data: Float32Array } };
        assertEquals(tensor.data, before.data);
      }
      await pipe.dispose();
    });
  }

  it("refuses groups of no blocks", async () => {
    const pipe = await StableDiffusionPipeline.fromPretrained(fixture(TINY));
    await assertRejects(
      () => pipe.enableGroupOffload({ numBlocksPerGroup: 0 }),
      RangeError,
      "numBlocksPerGroup must be an integer from 1, but is 0",
    );
  });

  it("is refused where steps are cached, and the other way round", async () => {
    const pipe = await FluxPipeline.fromPretrained(fixture("tiny-flux-dev"));
    const { transformer } = pipe.components;
    const config = new FirstBlockCacheConfig({ threshold: 0.1 });
    await transformer.enableCache(config);
    await assertRejects(() => pipe.enableGroupOffload(), DenoiseError, "and cache its steps");
    await transformer.disableCache();
    await pipe.enableGroupOffload();
    await assertRejects(() => transformer.enableCache(config), DenoiseError, "Cannot stream");
    await pipe.dispose();
  });
});
