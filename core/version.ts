/** The version of every `@denoise/*` package of this release. */
export const VERSION = "0.1.0";

/** The version of diffusers whose behaviour is reproduced, printed as `_diffusers_version`. */
export const DIFFUSERS_VERSION = "0.42.1";
