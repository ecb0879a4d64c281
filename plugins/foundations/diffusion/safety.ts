import { DenoiseError, type ImageOutput, type PipelineRun, Tensor } from "@denoise/core";
import type { FeatureExtractor, SafetyChecker } from "@denoise/roles";
import { toImages } from "./output.ts";

/** The components that look at images before they are shown. */
export interface SafetyComponents {
  /** StableDiffusionSafetyChecker, or null to show whatever is made. */
  readonly safetyChecker: SafetyChecker | null;
  /** What prepares images for it. */
  readonly featureExtractor: FeatureExtractor | null;
}

/**
 * Says what a pipeline without safety checker is for, as diffusers does when it is made.
 *
 * @param required Whether the repo wants one.
 * @param license Of the models. Defaults to `"Stable Diffusion"`.
 * @throws {DenoiseError} `missing_component` for a safety checker without feature extractor.
 */
export function checkSafety(
  { safetyChecker, featureExtractor }: SafetyComponents,
  className: string,
  required: boolean,
  warn: (message: string) => void,
  license = "Stable Diffusion",
): void {
  if (safetyChecker === null && required) {
    warn(
      `You have disabled the safety checker for ${className} by passing \`safetyChecker: null\`. ` +
        `Ensure that you abide to the conditions of the ${license} license and do not ` +
        "expose unfiltered results in services or applications open to the public. Both the " +
        "diffusers team and Hugging Face strongly recommend to keep the safety filter enabled in " +
        "all public facing circumstances, disabling it only for use-cases that involve analyzing " +
        "network behavior or auditing its results. For more information, please have a look at " +
        "https://github.com/huggingface/diffusers/pull/254 .",
    );
  }
  if (safetyChecker === null || featureExtractor !== null) return;
  throw new DenoiseError(
    "missing_component",
    `Cannot make a ${className} that checks images without a feature_extractor: load one, or ` +
      "pass { safetyChecker: null }",
  );
}

/** The images to show, and which were hidden; none of that without a safety checker. */
export interface CheckedImages {
  /** float32 [N, 3, H, W] in 0..1; hidden ones are black. */
  readonly shown: Tensor;
  /** Which were hidden and why, one for each image. */
  readonly found: Pick<ImageOutput, "nsfwContentDetected" | "watermarkDetected">;
}

/** Asks the safety checker, and blackens what it finds, with the warnings that diffusers gives. */
export async function hideUnsafe(
  run: PipelineRun<Partial<SafetyComponents>>,
  images: Tensor,
): Promise<CheckedImages> {
  const { safetyChecker, featureExtractor } = run.components;
  if (safetyChecker === undefined || safetyChecker === null) return { shown: images, found: {} };
  const input = await featureExtractor!.preprocess(await toImages(run, images, () => ({})));
  const { nsfw, watermark } = await safetyChecker.detect?.(input) ??
    { nsfw: await safetyChecker.check(input), watermark: undefined };
  if (nsfw.includes(true)) run.warn(hiddenFor("NSFW"));
  if (watermark?.includes(true)) run.warn(hiddenFor("watermarked"));
  const rows = nsfw.map((isUnsafe, i) => {
    const row = images.slice(0, i, i + 1);
    return isUnsafe || watermark?.[i] ? Tensor.zeros(row.dims) : row;
  });
  return {
    shown: Tensor.cat(rows),
    found: {
      nsfwContentDetected: nsfw,
      ...(watermark === undefined ? {} : { watermarkDetected: watermark }),
    },
  };
}

function hiddenFor(content: string): string {
  return `Potential ${content} content was detected in one or more images. A black image will be returned ` +
    "instead. Try again with a different prompt and/or seed.";
}
