import type { BenchOptions, Measurement } from "./run.ts";

/**
 * Measures with a binary of stable-diffusion.cpp, which draws whole images: the time of a UNet call is that
 * of its sampling by two calls a step (with guidance), that of the autoencoder is its own line.
 *
 * @param args `unet REPO SIZE CALLS`, `vae REPO PIXELS CALLS` or `image REPO PIXELS STEPS RUNS`.
 */
export async function runStableDiffusionCpp(
  [what, repo, size, count]: readonly string[],
  { sdcpp, threads, timeout }: BenchOptions,
): Promise<Measurement> {
  const pixels = what === "unet" ? Number(size) * 8 : Number(size);
  const steps = what === "image" ? Number(count) : 2;
  const out = await Deno.makeTempFile({ suffix: ".png" });
  const start = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(sdcpp!, {
    args: [
      ...["-m", repo!, "-p", "a red apple on a blue background", "-o", out, "-t", `${threads}`],
      ...["-W", `${pixels}`, "-H", `${pixels}`, "--steps", `${steps}`, "--cfg-scale", "7.5", "-v"],
    ],
    signal: AbortSignal.timeout(timeout),
  }).output();
  const whole = (performance.now() - start) / 1000;
  await Deno.remove(out);
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success) throw new Error(`${sdcpp} failed:\n${text}`);
  const taking = (line: RegExp) => Number(line.exec(text)?.[1] ?? NaN);
  const seconds = {
    unet: taking(/sampling completed, taking ([\d.]+)s/) / (2 * steps),
    vae: taking(/decoded, taking ([\d.]+)s/),
    image: whole,
  }[what as "unet" | "vae" | "image"];
  return { seconds, peakBytes: NaN, sessionSeconds: NaN };
}
