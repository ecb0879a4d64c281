/**
 * IP-Adapters that count where masks say, and adapters of faces, against diffusers.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import {
  DenoiseImage,
  IPAdapterMaskProcessor,
  type PipelineMethods,
  StableDiffusionPipeline,
  StableDiffusionXLPipeline,
} from "@denoise/denoise";
import { fixture, type Golden, readGolden } from "./support/golden.ts";
import { pixelDifference } from "./support/pipelines.ts";

interface Case {
  readonly name: string;
  readonly repo: string;
  readonly adapters: readonly string[];
  readonly scale: Parameters<PipelineMethods["setIpAdapterScale"]>[0] | null;
  readonly images: readonly (readonly string[])[] | null;
  readonly embeds: readonly string[] | null;
  readonly masks: readonly (string | null)[] | null;
  readonly shortcut: boolean | null;
  readonly call: {
    readonly guidance_scale?: number;
    readonly height?: number;
    readonly width?: number;
  };
  readonly image: string;
}

const FOLDER = fixture("ip_adapter");
const golden: Golden<{ readonly cases: readonly Case[] }> = await readGolden("ip_adapter_face");
const { cases } = golden.head;
const tensorOf = (name: string) => golden.tensors.get(name)!;
const PROMPT = "a red apple on a blue background";
const quiet = { onWarning: () => {} };
const pipes = {
  "tiny-stable-diffusion": await StableDiffusionPipeline.fromPretrained(
    fixture("tiny-stable-diffusion"),
    quiet,
  ),
  "tiny-stable-diffusion-xl": await StableDiffusionXLPipeline.fromPretrained(
    fixture("tiny-stable-diffusion-xl"),
    quiet,
  ),
};

function imageOf(name: string): DenoiseImage {
  const { dims: [height, width, channels], data } = tensorOf(`image.${name}`);
  return new DenoiseImage(width!, height!, channels as 1 | 3, Uint8Array.from(data, Number));
}

/** The options of a call, as diffusers was given them. */
function optionsOf({ images, embeds, masks, call }: Case) {
  return {
    numInferenceSteps: 3,
    seed: 3,
    ...(images && { ipAdapterImage: images.map((row) => row.map(imageOf)) }),
    ...(embeds && { ipAdapterImageEmbeds: embeds.map(tensorOf) }),
    ...(masks && {
      crossAttentionKwargs: {
        ipAdapterMasks: masks.map((name) => name === null ? undefined : tensorOf(`masks.${name}`)),
      },
    }),
    ...(call.guidance_scale === undefined ? {} : { guidanceScale: call.guidance_scale }),
    ...(call.height === undefined ? {} : { height: call.height, width: call.width }),
  };
}

async function load({ adapters, scale, shortcut, repo }: Case) {
  const pipe = pipes[repo as keyof typeof pipes];
  const weightName = adapters.map((name) => `${name}.safetensors`);
  await pipe.loadIpAdapter(FOLDER, { weightName, shortcut: shortcut ?? false });
  if (scale !== null) await pipe.setIpAdapterScale(scale);
  return pipe;
}

afterAll(async () => {
  for (const pipe of Object.values(pipes)) await pipe.dispose();
});

describe("IP-Adapters with masks and of faces give the images of diffusers", () => {
  for (const one of cases) {
    it(one.name, async () => {
      const pipe = await load(one);
      const output = await pipe(PROMPT, optionsOf(one));
      const difference = pixelDifference(output, tensorOf(one.image).unsqueeze(0));
      assert(difference <= 1, `${difference}`); // a rounding may fall on either side
    });
  }
});

describe("a FaceID adapter", () => {
  const face = cases.find(({ name }) => name === "a face")!;
  it("brings its LoRA, which unloadIpAdapter() takes away", async () => {
    const pipe = pipes["tiny-stable-diffusion"];
    await pipe.unloadIpAdapter();
    const few = { numInferenceSteps: 1, seed: 1 };
    const before = await pipe(PROMPT, few);
    await load(face);
    assertEquals(await pipe.getActiveAdapters(), ["faceid_0"]);
    await load(face);
    assertEquals(await pipe.getActiveAdapters(), ["faceid_0"]);
    await pipe.unloadIpAdapter();
    assertEquals(await pipe.getActiveAdapters(), []);
    assertEquals((await pipe(PROMPT, few)).images[0]!.data, before.images[0]!.data);
  });

  it("says what it needs", async () => {
    const pipe = await load(face);
    const image = imageOf("one");
    await assertRejects(
      () => pipe(PROMPT, { ipAdapterImage: image }),
      TypeError,
      "give them as ipAdapterImageEmbeds",
    );
    const plus = await load(cases.find(({ name }) => name === "a face and its image")!);
    const ipAdapterImageEmbeds = [tensorOf("face.1")];
    await assertRejects(
      () => plus(PROMPT, { ipAdapterImageEmbeds }),
      RangeError,
      "FaceID-Plus needs ipAdapterImage beside ipAdapterImageEmbeds",
    );
    await assertRejects(
      () => plus(PROMPT, { ipAdapterImageEmbeds, ipAdapterImage: [[image, image]] }),
      RangeError,
      "Cannot pair 2 images of faces with 1 vectors",
    );
  });
});

describe("IPAdapterMaskProcessor", () => {
  const processor = IPAdapterMaskProcessor.create();
  it("makes the masks of diffusers", async () => {
    const [left, right, soft] = ["left", "right", "soft"].map(imageOf) as [
      DenoiseImage,
      DenoiseImage,
      DenoiseImage,
    ];
    const same = (actual: Tensor, name: string) => {
      const expected = tensorOf(`mask.${name}`);
      assertEquals(actual.dims, expected.dims);
      assert(actual.sub(expected).abs().max().item() < 1e-6, name);
    };
    same(await processor.preprocess([left, right], { height: 64, width: 64 }), "both");
    same(await processor.preprocess(soft), "own");
    same(await processor.preprocess([right, soft], { height: 48, width: 72 }), "wide");
    const grey = IPAdapterMaskProcessor.create({ do_binarize: false, do_normalize: true });
    same(await grey.preprocess(soft, { height: 32, width: 32 }), "grey");
  });

  it("refuses no image, and colours", async () => {
    await assertRejects(() => processor.preprocess([]), TypeError, "of no images");
    const colours = IPAdapterMaskProcessor.create({ do_convert_grayscale: false });
    await assertRejects(() => colours.preprocess(imageOf("left")), TypeError, "masks of colours");
  });
});

describe("ipAdapterMasks", () => {
  it("are refused without images, in other shapes, and in other numbers", async () => {
    const pipe = pipes["tiny-stable-diffusion"];
    await pipe.loadIpAdapter(FOLDER, { weightName: "plain.safetensors" });
    const image = imageOf("one");
    const masked = (...ipAdapterMasks: Tensor[]) => ({
      numInferenceSteps: 1,
      crossAttentionKwargs: { ipAdapterMasks },
    });
    const mask = Tensor.ones([1, 1, 64, 64]);
    await assertRejects(() => pipe(PROMPT, masked(mask)), TypeError, "without the images");
    const ipAdapterImage = image;
    for (
      const [options, message] of [
        [masked(mask, mask), "Cannot mask 1 IP-Adapters by 2 masks"],
        [masked(Tensor.ones([1, 2, 64, 64])), "must have [1, 1, H, W] there"],
        [masked(Tensor.ones([64, 64])), "by shape [64, 64]"],
      ] as const
    ) {
      await assertRejects(() => pipe(PROMPT, { ipAdapterImage, ...options }), Error, message);
    }
    await pipe.setIpAdapterScale([[0.5, 0.7]]);
    await assertRejects(
      () => pipe(PROMPT, { ipAdapterImage: [[image, image]], numInferenceSteps: 1 }),
      TypeError,
      "each image of an IP-Adapter without masks",
    );
    await assertRejects(
      () =>
        pipe(PROMPT, {
          ipAdapterImage: [[image, image, image]],
          ...masked(Tensor.ones([1, 3, 8, 8])),
        }),
      RangeError,
      "Cannot scale the 3 images of IP-Adapter 0 by 2 numbers",
    );
  });
});
