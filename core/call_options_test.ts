import { assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type CallOption, checkOptions } from "./call_options.ts";
import { Tensor } from "./tensor.ts";

const declared: Readonly<Record<string, CallOption>> = {
  guidanceScale: { type: "number" },
  strength: { type: "number", minimum: 0, maximum: 1 },
  denoisingEnd: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
  numInferenceSteps: { type: "integer", minimum: 1 },
  seed: { type: "seed" },
  negativePrompt: { type: "string", list: "allowed" },
  timesteps: { type: "number", list: "required" },
  outputType: { type: "string", choices: ["image", "tensor"] },
  guessMode: { type: "boolean" },
  callback: { type: "function" },
  latents: { type: "tensor" },
  image: { type: "image", list: "allowed" },
};
const check = (given: object, options = declared) => checkOptions("run It", given, options);

describe("checkOptions()", () => {
  it("takes what is declared", () => {
    const image = new Uint8Array(3);
    check({
      ...{
        guidanceScale: 0,
        strength: 1,
        denoisingEnd: 0.5,
        numInferenceSteps: 1,
        seed: 2n ** 63n,
      },
      ...{
        negativePrompt: ["a", "b"],
        timesteps: [3, 2.5],
        outputType: "tensor",
        guessMode: false,
      },
      ...{ callback: () => {}, latents: Tensor.zeros([1]), image: ["a.png", image] },
    });
    check({ seed: -1, negativePrompt: "", image: new URL("https://example.com/a.png") });
    check({ image: [["a.png"], ["b.png"]] });
    check({ guidanceScale: undefined });
  });

  const refused: readonly [object, typeof TypeError | typeof RangeError, string][] = [
    [{ guidance_scale: 1 }, TypeError, '"guidance_scale": its name is "guidanceScale" here'],
    [{ guidanceScal: 1 }, TypeError, 'did you mean "guidanceScale"?'],
    [{ num_inference_step: 1 }, TypeError, 'did you mean "numInferenceSteps"?'],
    [{ Strength: 1 }, TypeError, 'did you mean "strength"?'],
    [{ crossAttentionKwargs: {} }, TypeError, "there is no such option. Options: guidanceScale, "],
    [{ toString: 1 }, TypeError, "there is no such option"],
    [{ guidanceScale: NaN }, RangeError, "with guidanceScale NaN: it must be a finite number"],
    [{ guidanceScale: Infinity }, RangeError, "guidanceScale Infinity"],
    [{ guidanceScale: "7" }, TypeError, 'guidanceScale "7"'],
    [{ guidanceScale: null }, TypeError, "guidanceScale null"],
    [{ guidanceScale: [7] }, TypeError, "guidanceScale [7]"],
    [{ strength: 1.01 }, RangeError, "it must be a finite number from 0 to 1"],
    [{ strength: NaN }, RangeError, "strength NaN"],
    [{ denoisingEnd: 1 }, RangeError, "a finite number above 0 below 1"],
    [{ numInferenceSteps: 0 }, RangeError, "it must be an integer from 1"],
    [{ numInferenceSteps: 1.5 }, RangeError, "numInferenceSteps 1.5"],
    [{ numInferenceSteps: 5n }, TypeError, "numInferenceSteps 5"],
    [{ seed: 0.5 }, RangeError, "seed 0.5"],
    [{ negativePrompt: ["a", 1] }, TypeError, 'negativePrompt ["a", 1]'],
    [{ timesteps: 3 }, TypeError, "it must be a list"],
    [{ timesteps: [3, NaN] }, RangeError, "timesteps [3, NaN]"],
    [{ outputType: "pil" }, RangeError, 'it must be "image" or "tensor"'],
    [{ guessMode: 1 }, TypeError, "it must be true or false"],
    [{ callback: {} }, TypeError, "it must be a function"],
    [{ latents: new Float32Array(1) }, TypeError, "latents a Float32Array: it must be a Tensor"],
    [{ image: 5 }, TypeError, "it must be an image, or a list of them"],
  ];
  for (const [given, error, message] of refused) {
    it(`refuses ${Deno.inspect(given)}`, () => {
      assertThrows(() => check(given), error, message);
    });
  }

  it("refuses to go on without what is required", () => {
    const options = { image: { type: "image", required: true } } as const;
    assertThrows(() => check({}, options), TypeError, "Cannot run It without image: give an image");
  });
});
