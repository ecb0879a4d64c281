/**
 * Pipelines that are given images or make audio against what diffusers makes of the same repos and calls.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { Scheduler } from "@denoise/core";
import { assertEquals } from "@std/assert";
import { type AnyPipeline, registry } from "@denoise/denoise";
import { assertWithin, type Golden, readGolden } from "./support/golden.ts";
import { swapScheduler } from "./support/pipelines.ts";
import { compareTask, loadTask, type Task } from "./support/tasks.ts";

// A rounding at the edge between two values of 255 may fall on either side.
const PIXEL = 1;
// A random UNet under guidance multiplies differences; see pipelines_test.ts.
const LATENTS = 2e-3;
// What is promised for audio.
const SAMPLES = 1e-4;

const GOLDENS = new URL("golden/tasks/", import.meta.url);
const tasks = [...Deno.readDirSync(GOLDENS)].map(({ name }) => name)
  .filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length)).sort();

for (const name of tasks) {
  const golden: Golden<Task> = await readGolden(`tasks/${name}`);
  describe(`${golden.head.pipeline}, ${name}, gives what diffusers gives`, () => {
    let pipe: AnyPipeline;
    let own: Scheduler | undefined; // unCLIP has several, by other names
    beforeAll(async () => {
      pipe = await loadTask(golden.head);
      own = pipe.scheduler;
    });
    afterAll(() => pipe.dispose());

    for (const one of golden.head.cases) {
      it(one.name, async () => {
        if (own !== undefined) pipe.scheduler = own;
        await swapScheduler(pipe, one, registry);
        const { pixels, samples, latents, hidden } = await compareTask(pipe, one, golden);
        assertWithin(latents, LATENTS, "latents");
        assertWithin(samples, SAMPLES, "samples");
        assertWithin(pixels, PIXEL, "pixels");
        assertEquals(hidden, one.hidden);
      });
    }
  });
}
