import { type LoadOptions, loadOptions } from "@denoise/core";

/** Those of some options that say how components are loaded. */
export function pickLoadOptions(options: LoadOptions): LoadOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => Object.hasOwn(loadOptions, name)),
  );
}
