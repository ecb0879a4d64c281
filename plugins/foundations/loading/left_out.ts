import { Tensor } from "@denoise/core";

/**
 * What a call gave beside images or audio that no file has a place for, such as the depth of LDM3D: said in a line, for
 * whoever passes images and audio alone on.
 *
 * @returns The line; undefined where there is nothing.
 */
export function leftOut(output: object, className: string): string | undefined {
  const names = Object.entries(output)
    .filter(([name, value]) => name !== "tensor" && value instanceof Tensor)
    .map(([name]) => name);
  return names.length === 0
    ? undefined
    : `${
      names.join(", ")
    } of ${className} is a tensor and left out here: a program that calls the pipeline has it`;
}
