import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "./errors.ts";
import type { PluginClass } from "./plugin.ts";
import { Registry } from "./registry.ts";

function plugin(className: string, aliases: string[] = []): PluginClass<string> {
  return { kind: "scheduler", className, aliases, load: () => Promise.resolve(className) };
}

describe("Registry", () => {
  it("gives a class by its name and by its aliases", async () => {
    const registry = new Registry({ plugins: [plugin("FooScheduler", ["OldFooScheduler"])] });
    assertEquals((await registry.get("FooScheduler")).className, "FooScheduler");
    assertEquals((await registry.get("OldFooScheduler")).className, "FooScheduler");
    assertEquals(registry.names("scheduler"), ["FooScheduler", "OldFooScheduler"]);
    assertEquals(registry.names("model"), []);
  });

  it("loads a lazy class only when it is asked for", async () => {
    let loads = 0;
    const lazy = {
      kind: "scheduler" as const,
      className: "LazyScheduler",
      package: "@denoise/lazy",
      load: () => Promise.resolve((loads++, plugin("LazyScheduler"))),
    };
    const registry = new Registry({ plugins: [lazy] });
    assert(registry.has("LazyScheduler"));
    assertEquals(registry.packageOf("LazyScheduler"), "@denoise/lazy");
    assertEquals(loads, 0);
    await registry.get("LazyScheduler");
    assertEquals(loads, 1);
  });

  it("refuses a second class of the same name", () => {
    const registry = new Registry({ plugins: [plugin("FooScheduler")] });
    const error = assertThrows(() => registry.add(plugin("BarScheduler", ["FooScheduler"])));
    assert(error instanceof DenoiseError);
    assertEquals(error.code, "duplicate_class");
    assert(!registry.has("BarScheduler"), "nothing of a refused plugin stays");
  });

  it("with() puts classes in front without touching the original", async () => {
    const registry = new Registry({ plugins: [plugin("FooScheduler")] });
    const mine = plugin("FooScheduler");
    assertEquals(await registry.with([mine]).get("FooScheduler"), mine);
    assert(await registry.get("FooScheduler") !== mine);
  });

  it("says of a missing class who asks, how it could come, and what is there", async () => {
    const registry = new Registry({ plugins: [plugin("FooScheduler")] });
    const error = await assertRejects(() =>
      registry.get("FlowMatchBarScheduler", "scheduler", "model_index.json")
    );
    assert(error instanceof DenoiseError);
    assertEquals(error.code, "unknown_class");
    assertStringIncludes(error.message, "model_index.json");
    assertStringIncludes(error.message, "{ plugins: [FlowMatchBarScheduler] }");
    assertStringIncludes(error.message, "FooScheduler");
  });

  it("refuses a class of another kind", async () => {
    const registry = new Registry({ plugins: [plugin("FooScheduler")] });
    const error = await assertRejects(() => registry.get("FooScheduler", "model"));
    assertStringIncludes((error as Error).message, "is a scheduler, but a model is needed");
  });

  it("says how to get images when it has no codec", () => {
    assertThrows(() => new Registry().images(), DenoiseError, "@denoise/denoise");
  });
});
