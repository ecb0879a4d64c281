import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Image, Tensor } from "@denoise/core";
import { DenoiseImage } from "@denoise/denoise";
import { registry } from "@denoise/denoise/registry";
import { ServeError } from "../contract/errors.ts";
import type { JobInput } from "../contract/job.ts";
import { DEFAULT_LIMITS } from "../contract/limits.ts";
import { FAKE_MODEL } from "../tests/fake_engine.ts";
import { job } from "../tests/jobs.ts";
import { givenImage, givenMask } from "./given_images.ts";

const rgba = (...alphas: number[]) =>
  new DenoiseImage(alphas.length, 1, 4, Uint8Array.from(alphas.flatMap((a) => [9, 9, 9, a])));

describe("givenMask()", () => {
  it("inpaints what is transparent, where something is", async () => {
    const mask = await givenMask(
      job("1", { mask: await rgba(0, 255, 100).encode() }).input,
      registry,
    );
    assertEquals([mask!.channels, [...mask!.data]], [1, [255, 0, 155]]);
  });

  it("inpaints what is white in a mask that is opaque", async () => {
    const opaque = await givenMask(
      job("1", { mask: await rgba(255, 255).encode() }).input,
      registry,
    );
    assertEquals(opaque!.channels, 4);
    const grey = new DenoiseImage(2, 1, 1, Uint8Array.of(0, 255));
    const mask = await givenMask(job("1", { mask: await grey.encode() }).input, registry);
    assertEquals([...mask!.data], [0, 255]);
  });
});

describe("givenMask() and givenImage()", () => {
  it("are turned around, blurred, and cut or filled to a shape", async () => {
    const row = (...greys: number[]) =>
      new DenoiseImage(greys.length, 1, 1, Uint8Array.from(greys)).encode();
    const masked = async (input: Partial<JobInput>) =>
      await givenMask(job("1", { mask: await row(0, 0, 255, 255), ...input }).input, registry);
    assertEquals([...(await masked({ invertsMask: true }))!.data], [255, 255, 0, 0]);
    const soft = [...(await masked({ maskBlur: 1 }))!.data];
    assertEquals(soft, soft.toSorted((a, b) => a - b));
    assertEquals(soft.some((value) => value > 20 && value < 235), true);
    const size = { width: 2, height: 1 };
    assertEquals([...(await masked({ ...size, fit: "crop" }))!.data], [0, 255]);
    const given = async (fit: JobInput["fit"]) => {
      const { input } = job("1", { image: await row(10, 20, 30, 40), ...size, fit });
      return await givenImage(input, registry, FAKE_MODEL, DEFAULT_LIMITS, false);
    };
    assertEquals([...(await given("crop") as Image).data], [20, 30]);
    assertEquals((await given("stretch") as Tensor).dims, [1, 1, 1, 2]);
  });
});

describe("givenImage()", () => {
  it("brings an image to the size that was asked for", async () => {
    const image = await new DenoiseImage(4, 4, 3, new Uint8Array(48)).encode();
    const { input } = job("1", { image, width: 16, height: 8 });
    const given = await givenImage(input, registry, FAKE_MODEL, DEFAULT_LIMITS, false) as Tensor;
    assertEquals(given.dims, [1, 3, 8, 16]);
  });

  it("refuses an image on which a run would be too large", async () => {
    const image = await new DenoiseImage(40, 40, 1, new Uint8Array(1600)).encode();
    for (
      const [limits, words] of [
        [{ maxPixels: 3_000 }, "3000 at most with this model"],
        [{ keyPixels: 3_000 }, "3000 at most with this key"],
        [{ maxSide: 32 }, "a side can be 32 at most"],
      ] as const
    ) {
      const { input } = job("1", { image, count: 2 });
      const all = { ...DEFAULT_LIMITS, ...limits };
      const call = () => givenImage(input, registry, FAKE_MODEL, all, false);
      const error = await assertRejects(call, ServeError, words);
      assertEquals([error.code, error.field], ["invalid_input", "image"]);
    }
  });
});
