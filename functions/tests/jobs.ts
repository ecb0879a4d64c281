import { makeFixtures } from "../../tests/support/fixtures.ts";
import type { Job, JobInput, RunEvent, Task } from "../contract/job.ts";

makeFixtures(); // for a test file that is run by itself

/** A small random repo of Stable Diffusion's shape, 32x32 pixels. */
export const TINY = new URL("../../tests/fixtures/tiny-stable-diffusion", import.meta.url).pathname;

/** A job of few steps. */
export function job(
  id: string,
  input: Partial<JobInput> = {},
  rest: Partial<Omit<Job, "input">> = {},
): Job {
  return {
    id,
    owner: "test",
    model: "tiny",
    task: "text-to-image" as Task,
    createdAt: Date.now(),
    keepMs: 0,
    ...rest,
    input: { prompt: "a cat", count: 1, steps: 2, seed: "0", format: "png", previews: 0, ...input },
  };
}

/** The last event of a run, which has the images. */
export async function imagesOf(events: AsyncIterable<RunEvent>): Promise<readonly Uint8Array[]> {
  let files: readonly Uint8Array[] = [];
  for await (const event of events) {
    if (event.type === "succeeded") files = event.images.map(({ bytes }) => bytes);
  }
  return files;
}
