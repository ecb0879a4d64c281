/**
 * Schedulers made from a config that another class has loaded first, as diffusers makes them.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import type { Scheduler, SchedulerClass } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { replay, type SchedulerRecord } from "@denoise/testing";
import { writeTree } from "./support/files.ts";
import { assertWithin, readJson } from "./support/golden.ts";

interface Run extends SchedulerRecord {
  readonly class_name: string;
  readonly from: { readonly _class_name: string };
  /** `"memory"`: the config of the first object; `"disk"`: what that object saves. */
  readonly through: "memory" | "disk";
}

const { cases } = await readJson<{ cases: Run[] }>("schedulers.json");

async function classOf(name: string): Promise<SchedulerClass> {
  return await registry.get(name, "scheduler", "a test") as SchedulerClass;
}

async function make({ class_name, from, through }: Run): Promise<Scheduler> {
  const Class = await classOf(class_name);
  const first = (await classOf(from._class_name)).fromConfig(from);
  if (through === "memory") return Class.fromConfig(first.config);
  await using folder = await writeTree({});
  await first.savePretrained(folder.path);
  return await Class.fromPretrained(folder.path);
}

describe("a scheduler of another one's config", () => {
  for (const run of cases) {
    it(run.name, async () => {
      const scheduler = await make(run);
      assertEquals(String(scheduler), run.string);
      const { plan, samples } = replay(scheduler, run);
      // timesteps and sigmas are a few float32 roots and logarithms; a step adds an ulp or two
      assertWithin(plan, 1e-6, "timesteps and sigmas");
      assertWithin(samples, 1e-6, "samples");
    });
  }
});
