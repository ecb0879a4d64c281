const f = Math.fround;

/** What a step of the decoder multiplies with. */
export interface DecoderStep {
  /** The timestep. */
  readonly timestep: number;
  /** What the sample is multiplied with before the UNet sees it. */
  readonly input: number;
  /** Of the sample in the image. */
  readonly skip: number;
  /** Of the UNet's prediction in the image. */
  readonly out: number;
  /** Of the image among the noisy sample of this timestep: √ᾱ. */
  readonly signal: number;
  /** Of the noise among it: √(1 − ᾱ). */
  readonly noise: number;
}

const [TRAINED, DEVIATION, LARGEST_BETA] = [1024, 0.5, 0.999];

/** ᾱ(t), the share of the signal's variance that is left at time t in 0..1. */
const alphaBar = (t: number) => Math.cos((t + 0.008) / 1.008 * Math.PI / 2) ** 2;

/**
 * The two steps of `ConsistencyDecoderScheduler`, in float32 as the reference computes them: c_skip, c_out and
 * c_in of Song et al., "Consistency Models" (arXiv:2303.01469), appendix C, for samples whose variance is kept.
 */
export const decoderSteps: readonly DecoderStep[] = [1008, 512].map((timestep) => {
  let product = 1;
  for (let i = 0; i <= timestep; i++) {
    const beta = Math.min(1 - alphaBar((i + 1) / TRAINED) / alphaBar(i / TRAINED), LARGEST_BETA);
    product *= f(1 - f(beta));
  }
  const kept = f(product);
  const sigma = f(Math.sqrt(f(f(1 / kept) - 1)));
  const grown = f(Math.sqrt(f(1 / kept)));
  const variance = f(f(sigma * sigma) + DEVIATION ** 2);
  const deviation = f(Math.sqrt(variance));
  return {
    timestep,
    input: f(grown / deviation),
    skip: f(f(grown * DEVIATION ** 2) / variance),
    out: f(f(sigma * DEVIATION) / deviation),
    signal: f(Math.sqrt(kept)),
    noise: f(Math.sqrt(f(1 - kept))),
  };
});
