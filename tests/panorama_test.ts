/**
 * Panoramas and edits by concepts: what they refuse, and what diffusers does not do for several images.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { type AnyPipeline, Tensor } from "@denoise/denoise";
import { assertEachAsAlone, PROMPT, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const REPO = "tiny-stable-diffusion";
const EIGHT = { vae: "parts/AutoencoderKL/eight" };
const wide = (parts = {}) =>
  loadTask({ pipeline: "StableDiffusionPanoramaPipeline", repo: REPO, parts });
const EDITS = { pipeline: "SemanticStableDiffusionPipeline", repo: REPO };
const semantic = () => loadTask(EDITS);

refuses("StableDiffusionPanoramaPipeline", () => wide(EIGHT), { height: 64, width: 64 }, [
  ["a size that is no multiple of 8", { width: 580 }, RangeError, "divisible by 8"],
  ["no view at once", { viewBatchSize: 0 }, RangeError, "viewBatchSize 0"],
  ["edges of a narrow image", { width: 56, circularPadding: true }, RangeError, "at least 64"],
  ["guidanceRescale", { guidanceRescale: 0.7 }, TypeError, '"guidanceRescale"'],
  ["latents of another size", { latents: Tensor.zeros([1, 4, 8, 9]) }, TypeError, "[1, 4, 8, 8]"],
  ["own sigmas", { sigmas: [3, 2, 1] }, TypeError, '"sigmas"'],
]);

refuses("SemanticStableDiffusionPipeline", semantic, { editingPrompt: ["a smile", "glasses"] }, [
  [
    "fewer scales than edits",
    { editGuidanceScale: [3] },
    RangeError,
    "1 values of editGuidanceScale",
  ],
  ["fewer weights than edits", { editWeights: [1] }, RangeError, "1 values of editWeights"],
  ["a threshold above 1", { editThreshold: [0.5, 1.5] }, RangeError, "editThreshold"],
  ["steps before the first", { editWarmupSteps: -1 }, RangeError, "editWarmupSteps -1"],
  [
    "both prompts and states of concepts",
    { editingPromptEmbeddings: Tensor.zeros([1, 77, 16]) },
    TypeError,
    "either editingPrompt or editingPromptEmbeddings",
  ],
  [
    "states of another width",
    { editingPrompt: undefined, editingPromptEmbeddings: Tensor.zeros([1, 77, 8]) },
    TypeError,
    "[edits, 77, 16]",
  ],
  ["fewer vectors than steps", { semGuidance: [Tensor.zeros([1])] }, RangeError, "by 1 tensors"],
  [
    "vectors of another shape",
    { semGuidance: [1, 2, 3, 4].map(() => Tensor.zeros([1, 4, 4, 4])) },
    TypeError,
    "[1, 4, 8, 8]",
  ],
]);

describe("several images of a call", () => {
  const made = {
    StableDiffusionPanoramaPipeline: [() => wide(EIGHT), { height: 64, width: 584 }],
    SemanticStableDiffusionPipeline: [semantic, {
      editingPromptEmbeddings: Tensor.cat([Tensor.ones([1, 77, 16]), Tensor.zeros([1, 77, 16])]),
      editWarmupSteps: [0, 1],
      editThreshold: 0,
    }],
  } as const;
  for (const [name, [load, options]] of Object.entries(made)) {
    it(`of ${name} are each as alone`, async () => {
      const pipe: AnyPipeline = await load();
      await assertEachAsAlone(pipe, options);
      await pipe.dispose();
    });
  }
});

describe("SemanticStableDiffusionPipeline without guidance", () => {
  let plain: AnyPipeline, pipe: AnyPipeline;
  const warnings: string[] = [];
  beforeAll(async () => {
    plain = await loadTask({ ...EDITS, pipeline: "StableDiffusionPipeline" });
    pipe = await loadTask(EDITS, { onWarning: (message: string) => void warnings.push(message) });
  });
  afterAll(() => Promise.all([plain.dispose(), pipe.dispose()]));

  it("edits nothing, and says so", async () => {
    const call = { numInferenceSteps: 2, guidanceScale: 1, seed: 1 };
    const { images: [image] } = await pipe(PROMPT, { ...call, editingPrompt: "a smile" });
    const { images: [same] } = await plain(PROMPT, call);
    assertEquals(image!.data, same!.data);
    assertEquals(warnings.filter((one) => one.includes("Edits have no effect")).length, 1);
  });
});
