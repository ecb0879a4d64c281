/**
 * Calls of tiny pipelines that must be refused, images that must not depend on those beside them, and pipelines that
 * must be the same when they come back from a folder.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DenoiseImage, DiffusionPipeline } from "@denoise/denoise";
import type { AnyPipeline } from "@denoise/loading";

/** A prompt for any of them. */
export const PROMPT = "a red apple";
/** Options of a short run. */
export const FEW = { numInferenceSteps: 2, seed: 1 } as const;

/** An image of one grey. */
export function grey(width: number, height: number, channels = 3): DenoiseImage {
  const data = new Uint8Array(width * height * channels).fill(128);
  return new DenoiseImage(width, height, channels, data);
}

/** Options that are refused: what they are, what is thrown, and a part of its message. */
export type Refusal = readonly [
  name: string,
  options: Record<string, unknown>,
  error: new (message: string) => Error,
  said: string,
];

/**
 * Tests that a pipeline refuses options.
 *
 * @param good What makes a call with none of them right.
 * @param call How it is called. Defaults to a prompt and a short run.
 */
export function refuses(
  who: string,
  load: () => Promise<AnyPipeline>,
  good: object,
  all: readonly Refusal[],
  call = (pipe: AnyPipeline, options: object) => pipe(PROMPT, { ...FEW, ...options }),
): void {
  describe(`${who} refuses`, () => {
    let pipe: AnyPipeline;
    beforeAll(async () => {
      pipe = await load();
    });
    afterAll(() => pipe.dispose());
    for (const [name, options, error, said] of all) {
      it(name, async () => {
        await assertRejects(() => call(pipe, { ...good, ...options }), error, said);
      });
    }
  });
}

/** Makes images of two prompts: the second must be what its prompt makes alone. */
export async function assertEachAsAlone(pipe: AnyPipeline, options: object): Promise<void> {
  const call = { ...FEW, ...options, outputType: "tensor" } as const;
  const both = await pipe([PROMPT, "a cat"], { ...call, seed: 3 });
  const second = await pipe("a cat", { ...call, seed: 4 });
  const away = both.tensor!.slice(0, 1).sub(second.tensor!).abs().max().item();
  // the rows of a product are summed in another order where there are more of them
  assert(away < 1 / 255, `differs by ${away}`);
}

/**
 * Saves a pipeline and loads it again: it must make the same image. Both are disposed of.
 *
 * @param component What model_index.json must say of which component.
 */
export async function assertSaved(
  pipe: AnyPipeline,
  options: object,
  component: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "denoise-" });
  const call = { ...FEW, ...options };
  const { images: [before] } = await pipe(PROMPT, call);
  await pipe.savePretrained(folder);
  const index = JSON.parse(await Deno.readTextFile(`${folder}/model_index.json`));
  for (const [role, className] of Object.entries(component)) {
    assertEquals(index[role], ["diffusers", className]);
  }
  const again = await DiffusionPipeline.fromPretrained(folder);
  assertEquals(again.className, pipe.className);
  const { images: [after] } = await again(PROMPT, call);
  assertEquals(after!.data, before!.data);
  await Promise.all([pipe.dispose(), again.dispose()]);
  await Deno.remove(folder, { recursive: true });
}
