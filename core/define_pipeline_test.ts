import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { number } from "./config_options.ts";
import { definePipeline } from "./define_pipeline.ts";
import { diffusionPipeline } from "@denoise/loading";
import { defineScheduler } from "@denoise/schedules";
import { DenoiseError } from "./errors.ts";
import type { PipelineClass } from "./pipeline.ts";
import { Registry } from "./registry.ts";
import type { Scheduler } from "./scheduler.ts";
import { Tensor } from "./tensor.ts";

const CountScheduler = defineScheduler({
  className: "CountScheduler",
  schema: { num_train_timesteps: number(10) },
  create: () => ({
    training: { timesteps: [2, 1, 0] },
    plan: ({ numInferenceSteps = 1 }) => ({
      timesteps: [...Array(numInferenceSteps).keys()].reverse(),
    }),
    step: (_plan, { sample, output }) => ({ sample: sample.add(output) }),
  }),
});

interface Parts {
  readonly scheduler: Scheduler;
  readonly extraThing: { readonly className: string } | null;
}

interface AddOptions {
  readonly start: number;
  readonly steps?: number;
}

const AddPipeline: PipelineClass<Parts, [options: AddOptions], { value: number }> = definePipeline({
  className: "AddPipeline",
  task: "adding",
  family: "numbers",
  options: {
    start: { type: "number", required: true },
    steps: { type: "integer", minimum: 1 },
  },
  defaults: { steps: 3 },
  defaultSize: () => ({ height: 1, width: 1 }),
  components: {
    scheduler: { kind: "scheduler" },
    extraThing: { kind: "model", optional: true },
  },
  settings: { mode: "plain" },
  async *generate({ components: { scheduler } }, { start, steps }) {
    scheduler.setTimesteps(steps);
    let latents = Tensor.full([1], start);
    const total = scheduler.timesteps.length;
    for (const [index, timestep] of scheduler.timesteps.entries()) {
      latents = scheduler.step(Tensor.full([1], 1), timestep, latents).prevSample;
      yield { index, total, timestep, latents, preview: () => Promise.resolve([]) };
    }
    return { value: latents.item() };
  },
});

async function folder(index: object): Promise<string> {
  const path = await Deno.makeTempDir();
  await Deno.writeTextFile(`${path}/model_index.json`, JSON.stringify(index));
  await new CountScheduler().savePretrained(`${path}/scheduler`);
  return path;
}

const INDEX = {
  _class_name: "AddPipeline",
  scheduler: ["diffusers", "CountScheduler"],
  extra_thing: [null, null],
  mode: "special",
};

describe("definePipeline()", () => {
  it("makes an object that is called, and streamed step by step", async () => {
    const pipe = new AddPipeline({ scheduler: new CountScheduler() });
    assertEquals(await pipe({ start: 5 }), { value: 8 });
    const steps = [];
    for await (const { index, timestep } of pipe.stream({ start: 0, steps: 2 })) {
      steps.push([index, timestep]);
    }
    assertEquals(steps, [[0, 1], [1, 0]]);
  });

  it("gives each call a scheduler of its own", async () => {
    const pipe = new AddPipeline({ scheduler: new CountScheduler() });
    const slow = pipe.stream({ start: 100, steps: 4 });
    await slow.next();
    assertEquals(await pipe({ start: 0 }), { value: 3 });
    assertEquals(pipe.scheduler.numInferenceSteps, undefined);
    let last = await slow.next();
    while (!last.done) last = await slow.next();
    assertEquals(last.value, { value: 104 });
  });

  it("lets components be replaced, and refuses what is none", () => {
    const pipe = new AddPipeline({ scheduler: new CountScheduler() });
    const other = new CountScheduler({ num_train_timesteps: 5 });
    pipe.scheduler = other;
    assert(pipe.components.scheduler === other);
    assertThrows(
      () => pipe.scheduler = 5 as unknown as Scheduler,
      TypeError,
      "must be a scheduler",
    );
    assert(pipe.scheduler === other, "a refused component changes nothing");
    assertThrows(() => new AddPipeline({}), DenoiseError, "without scheduler");
  });

  it("loads by model_index.json and prints as diffusers does", async () => {
    const path = await folder(INDEX);
    const registry = new Registry({ plugins: [CountScheduler, AddPipeline] });
    const pipe = await diffusionPipeline(registry).fromPretrained(path);
    assertEquals(pipe.className, "AddPipeline");
    assertEquals(pipe.nameOrPath, path);
    assertEquals(
      String(pipe),
      `AddPipeline {
  "_class_name": "AddPipeline",
  "_diffusers_version": "0.42.1",
  "_name_or_path": "${path}",
  "extra_thing": [
    null,
    null
  ],
  "mode": "special",
  "scheduler": [
    "diffusers",
    "CountScheduler"
  ]
}
`,
    );
    await Deno.remove(path, { recursive: true });
  });

  it("takes components and plugins of one's own instead of the repo's", async () => {
    const path = await folder(INDEX);
    const registry = new Registry({ plugins: [AddPipeline] });
    const scheduler = new CountScheduler();
    const loader = diffusionPipeline(registry);
    const own = await loader.fromPretrained(path, { scheduler });
    assert(own.scheduler === scheduler);
    const plugged = await loader.fromPretrained(path, { plugins: [CountScheduler] });
    assertEquals(plugged.scheduler.className, "CountScheduler");
    const error = await assertRejects(() => loader.fromPretrained(path), DenoiseError);
    assertEquals(error.code, "unknown_class");
    await Deno.remove(path, { recursive: true });
  });

  it("savePretrained() writes a folder that it loads again", async () => {
    const path = await folder(INDEX);
    const registry = new Registry({ plugins: [CountScheduler, AddPipeline] });
    const pipe = await diffusionPipeline(registry).fromPretrained(path);
    await pipe.savePretrained(`${path}/copy`);
    const copy = await diffusionPipeline(registry).fromPretrained(`${path}/copy`);
    assertEquals(copy.config["mode"], "special");
    await Deno.remove(path, { recursive: true });
  });

  it("says what is wrong with a folder that is no pipeline", async () => {
    const loader = diffusionPipeline(new Registry());
    const empty = await Deno.makeTempDir();
    const none = await assertRejects(() => loader.fromPretrained(empty), DenoiseError);
    assertEquals(none.code, "missing_file");
    await Deno.writeTextFile(`${empty}/model_index.json`, "{");
    const broken = await assertRejects(() => loader.fromPretrained(empty), DenoiseError);
    assertEquals(broken.code, "invalid_config");
    await Deno.writeTextFile(`${empty}/model_index.json`, "{}");
    const nameless = await assertRejects(() => loader.fromPretrained(empty), DenoiseError);
    assertEquals(nameless.code, "invalid_config");
    const nowhere = await assertRejects(
      () => loader.fromPretrained("no/where/at/all"),
      DenoiseError,
    );
    assertEquals(nowhere.code, "missing_file");
    await Deno.remove(empty, { recursive: true });
  });
});

describe("the class of a pipeline", () => {
  it("says what it can do", () => {
    const { task, family, control, makes, takesPrompt, options, defaults } = AddPipeline;
    assertEquals({ task, family, control, makes, takesPrompt }, {
      task: "adding",
      family: "numbers",
      control: false,
      makes: "images",
      takesPrompt: false,
    });
    assertEquals(Object.keys(options), ["start", "steps"]);
    assertEquals(defaults, { steps: 3 });
    assertEquals(AddPipeline.defaultSize({ scheduler: new CountScheduler(), extraThing: null }), {
      height: 1,
      width: 1,
    });
  });

  it("is found in a registry by what it can do, before it is loaded", () => {
    const lazy = {
      kind: "pipeline",
      className: "LazyPipeline",
      task: "text-to-image",
      family: "numbers",
      control: true,
      package: "@you/lazy",
      load: () => Promise.reject(new Error("must not be loaded")),
    } as const;
    assertEquals(new Registry({ plugins: [lazy, AddPipeline, CountScheduler] }).pipelines(), [
      {
        className: "AddPipeline",
        task: "adding",
        family: "numbers",
        control: false,
        package: "this program",
      },
      {
        className: "LazyPipeline",
        task: "text-to-image",
        family: "numbers",
        control: true,
        package: "@you/lazy",
      },
    ]);
  });

  it("takes options alone, or a prompt and options", async () => {
    const pipe = new AddPipeline({ scheduler: new CountScheduler() });
    await assertRejects(
      () => pipe(...[5] as unknown as [{ start: number }]),
      TypeError,
      "it takes options alone",
    );
  });
});
