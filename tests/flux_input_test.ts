/**
 * What FLUX.1's pipelines refuse, and what they say then.
 *
 * @module
 */
import { afterAll, describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import {
  FluxControlNetModel,
  FluxControlNetPipeline,
  FluxControlPipeline,
  FluxFillPipeline,
  FluxKontextInpaintPipeline,
  FluxKontextPipeline,
  FluxPipeline,
  Tensor,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const repo = fixture("tiny-flux-dev");
const warnings: string[] = [];
const onWarning = (message: string) => void warnings.push(message);
const flux = await FluxPipeline.fromPretrained(repo, { onWarning });
const image = Tensor.full([1, 3, 32, 32], 0.5);
const few = { numInferenceSteps: 1, maxSequenceLength: 8 };

describe("pipelines of FLUX.1", () => {
  it("cut sides to whole tokens with a warning, as diffusers does", async () => {
    warnings.length = 0;
    const call = { ...few, seed: 3 };
    const { images: [cut] } = await flux("x", { ...call, width: 39, height: 33 });
    const { images: [whole] } = await flux("x", { ...call, width: 32, height: 32 });
    assertEquals([cut!.width, cut!.height, cut!.recipe?.["width"]], [32, 32, 32]);
    assertEquals(cut!.data, whole!.data);
    assertEquals(warnings.filter((text) => text.startsWith("The image")), [
      "The image is made 32x32 in place of 39x33: width and height are brought to what the model takes",
    ]);
  });
});

describe("pipelines of FLUX.1 refuse", () => {
  afterAll(() => flux.dispose());

  it("sizes of less than a token, and latents of a size that is not cut", async () => {
    await assertRejects(
      () => flux("x", { ...few, width: 36, height: 7 }),
      RangeError,
      "divisible by 8, such as 40x8",
    );
    const latents = Tensor.zeros([1, 4, 9, 8]);
    await assertRejects(
      () => flux("x", { ...few, width: 32, height: 36, latents }),
      TypeError,
      "[1, 4, 9, 8]",
    );
    const kontext = await FluxKontextPipeline.fromPipe(flux);
    await assertRejects(
      () => kontext("x", { ...few, image, maxArea: 30 }),
      RangeError,
      "each side must have at least 8",
    );
  });

  it("calls without their image", async () => {
    const kontext = await FluxKontextPipeline.fromPipe(flux);
    await assertRejects(() => kontext("x", few as never), TypeError, "without image");
    const fill = await FluxFillPipeline.fromPipe(flux);
    await assertRejects(() => fill("x", few as never), TypeError, "without image");
    await assertRejects(
      () => fill("x", { ...few, image } as never),
      TypeError,
      "without maskImage",
    );
    const control = await FluxControlPipeline.fromPipe(flux);
    await assertRejects(() => control("x", few as never), TypeError, "without controlImage");
    await assertRejects(
      () => kontext("x", { ...few, image: [], maxArea: 1024 }),
      RangeError,
      "the list is empty",
    );
    await assertRejects(
      () =>
        kontext("x", {
          ...{ ...few, image: Tensor.full([1, 3, 4, 40], 0.5), maxArea: 1024, autoResize: false },
        }),
      RangeError,
      "Cannot take a reference image of 40x4 in its own size",
    );
    const made = await kontext("x", { ...few, image: null, maxArea: 1024 });
    assertEquals([made.images[0]!.width, made.images[0]!.height], [32, 32]);
  });

  it("transformers that do not take what the class gives them", async () => {
    const fill = await FluxFillPipeline.fromPipe(flux);
    await assertRejects(
      () => fill("x", { ...few, image, maskImage: Tensor.ones([32, 32]) }),
      RangeError,
      "16 input channels: it must have 96",
    );
    const control = await FluxControlPipeline.fromPipe(flux);
    await assertRejects(
      () => control("x", { ...few, controlImage: image }),
      RangeError,
      "16 input channels by an image: it must have 32",
    );
  });

  it("ControlNets of another model, kinds that a union does not have, and other numbers of images", async () => {
    const [union, other] = await Promise.all([
      FluxControlNetModel.fromPretrained(fixture("parts/FluxControlNetModel/flux-union")),
      FluxControlNetModel.fromPretrained(fixture("models/FluxControlNetModel/canny")),
    ]);
    const call = { ...few, width: 32, height: 32, controlImage: image };
    const of = (controlnet: FluxControlNetModel | FluxControlNetModel[]) =>
      FluxControlNetPipeline.fromPipe(flux, { controlnet });
    const wrong = await of(other);
    await assertRejects(() => wrong("x", call), RangeError, "joint_attention_dim is 16");
    const alone = await of(union);
    await assertRejects(() => alone("x", call), RangeError, "without the kind of the image");
    await assertRejects(() => alone("x", { ...call, controlMode: 3 }), RangeError, "from 0 to 2");
    const two = await of([union, union]);
    await assertRejects(
      () => two("x", { ...call, controlMode: 0 }),
      TypeError,
      "a list of 2 images",
    );
    await Promise.all([union.dispose(), other.dispose()]);
  });

  it("more images than are made, sizes that the image says, and options of other classes", async () => {
    const kontext = await FluxKontextPipeline.fromPipe(flux);
    await assertRejects(
      () => kontext("x", { ...few, image: [image, image], maxArea: 1024, autoResize: false }),
      RangeError,
      "2 images over 1 images",
    );
    const inpaint = await FluxKontextInpaintPipeline.fromPipe(flux);
    await assertRejects(
      () => inpaint("x", { ...few, image, maskImage: image, width: 32 } as never),
      TypeError,
      '"width"',
    );
    const fill = await FluxFillPipeline.fromPipe(flux);
    await assertRejects(
      () => fill("x", { ...few, image, maskImage: image, negativePrompt: "y" } as never),
      TypeError,
      '"negativePrompt"',
    );
  });
});
