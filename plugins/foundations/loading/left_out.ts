import { Tensor } from "@denoise/core";
import type { AnyOutput } from "./any_pipeline.ts";

/**
 * What a call gave beside images or audio that no file has a place for, such as the predictions of Marigold: said in a line, for
 * whoever passes images and audio alone on.
 *
 * @returns The line; undefined where there is nothing.
 */
export function leftOut(output: AnyOutput, className: string): string | undefined {
  const drawn = Object.keys(output.furtherImages ?? {});
  const names = Object.entries(output)
    .filter(([name, value]) => ![...drawn, "tensor"].includes(name) && value instanceof Tensor)
    .map(([name]) => name);
  return names.length === 0
    ? undefined
    : `${
      names.join(", ")
    } of ${className} is a tensor and left out here: a program that calls the pipeline has it`;
}
