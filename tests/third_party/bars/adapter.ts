import { defineAdapter } from "@denoise/adapters";
import type { AdapterClass } from "@denoise/core";
import type { BarsModel } from "./model.ts";

/**
 * How many numbers the model of the bars has.
 *
 * @param pipe A pipeline of this family.
 * @param factor What it is multiplied by.
 */
export function countBars(
  pipe: { readonly components: { readonly bars?: BarsModel } },
  factor = 1,
): number {
  const { bars } = pipe.components;
  if (bars === undefined) throw new TypeError("Cannot count the bars: the pipeline has no bars");
  return bars.numParameters * factor;
}

/** Gives pipelines {@linkcode countBars} as a method. */
export const BarsMixin: AdapterClass<{ readonly countBars: typeof countBars }> = defineAdapter({
  className: "BarsMixin",
  functions: { countBars },
});
