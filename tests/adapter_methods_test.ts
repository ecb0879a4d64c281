/**
 * Functions of adapters as methods of pipelines: `pipe.loadLoraWeights(...)`, and those of third parties.
 *
 * @module
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defineAdapter } from "@denoise/adapters";
import {
  DDPMPipeline,
  DenoiseError,
  DiffusionPipeline,
  randn,
  Registry,
  registry,
} from "@denoise/denoise";
import { DDPMPipeline as UnboundDDPMPipeline } from "@denoise/pipeline-ddpm";
import { fixture } from "./support/golden.ts";

const REPO = fixture("tiny-ddpm");
const quiet = { progress: false } as const;

const CountMixin = defineAdapter({
  className: "CountMixin",
  functions: {
    countParts: (pipe: { readonly components: object }, factor = 1) =>
      Object.keys(pipe.components).length * factor,
  },
});

describe("methods of adapters", () => {
  it("are there on pipelines of the built-in registry, and of those made of them", async () => {
    const pipe = await DiffusionPipeline.fromPretrained(REPO, quiet);
    assertEquals(await pipe.getActiveAdapters(), []);
    assertEquals(await DDPMPipeline.fromPipe(pipe).getActiveAdapters(), []);
    assertEquals(await new DDPMPipeline(pipe.components).getActiveAdapters(), []);
    const word = () => pipe.loadTextualInversion(randn([4]), { token: "<x>" });
    await assertRejects(word, DenoiseError, "has no textEncoder and tokenizer");
  });

  it("of a third party come with its registry, or with the plugins of a load", async () => {
    const mine = registry.with([CountMixin]);
    const pipe = await DDPMPipeline.using(mine).fromPretrained(REPO, quiet);
    assertEquals([await pipe.countParts(), await pipe.countParts(3)], [2, 6]);
    assertEquals(await pipe.getActiveAdapters(), []);
    const plugins = [CountMixin];
    const other = await DiffusionPipeline.fromPretrained(REPO, { ...quiet, plugins });
    const { countParts } = other as unknown as { countParts(factor: number): Promise<number> };
    assertEquals(await countParts(2), 4);
    assertEquals("countParts" in await DDPMPipeline.fromPretrained(REPO, quiet), false);
  });

  it("may stand in the place of built-in ones, and are imported when they are called", async () => {
    let imports = 0;
    const lazy = {
      kind: "adapter",
      className: "MyLoraMixin",
      methods: ["loadLoraWeights"],
      package: "@someone/lora",
      load: () => {
        imports++;
        const functions = { loadLoraWeights: (_pipe: object, file: string) => `mine ${file}` };
        return Promise.resolve(defineAdapter({ className: "MyLoraMixin", functions }));
      },
    } as const;
    const pipe = await DDPMPipeline.using(registry.with([lazy])).fromPretrained(REPO, quiet);
    assertEquals(imports, 0);
    assertEquals(String(await pipe.loadLoraWeights("x.safetensors")), "mine x.safetensors");
    assertEquals(imports, 1);
  });

  it("are those of a registry: a class without one has none", async () => {
    const pipe = await UnboundDDPMPipeline.fromPretrained(REPO, { ...quiet, registry });
    assertEquals("getActiveAdapters" in pipe, true);
    assertEquals("getActiveAdapters" in new UnboundDDPMPipeline(pipe.components), false);
  });

  it("are refused where pipelines have one of that name themselves", async () => {
    const pipe = await DDPMPipeline.fromPretrained(REPO, quiet);
    for (const name of ["stream", "unet", "config"]) {
      const functions = { [name]: () => 1 };
      const adapter = defineAdapter({ className: "BadMixin", functions });
      const Class = DDPMPipeline.using(new Registry({ plugins: [adapter] }));
      const said = `Cannot use BadMixin: pipelines have a ${name} of their own`;
      assertThrows(() => new Class(pipe.components), TypeError, said);
    }
  });
});
