import { type Image, type ImageOutput, type PipelineRun, Tensor } from "@denoise/core";
import {
  decodeLatents,
  denormalize,
  type Family,
  hideUnsafe,
  imageOutput,
  type LatentEnd,
  toImages,
} from "@denoise/diffusion";
import type { UNetControl } from "./control_nets.ts";
import { sd, type SdModels } from "./sd.ts";
import type { StableDiffusionComponents } from "./stable_diffusion.ts";

/** Images with the depth of what they show. */
export interface DepthImageOutput extends ImageOutput {
  /**
   * How near what an image shows is at each place, integers of 0 to 65535 as an image of 16 bits has them, float32
   * [N, 1, height, width]; missing for `outputType: "latent"`.
   */
  readonly depth?: Tensor | undefined;
  /** The depth as grey images of 16 bits, where images are asked for. */
  readonly furtherImages?: { readonly depth: readonly Image[] } | undefined;
}

/** LDM3D: Stable Diffusion whose autoencoder decodes colours and depth; previews show the colours. */
export const withDepth: Family<SdModels, Parameters<typeof sd.encode>[2], UNetControl> = {
  ...sd,
  name: "stable-diffusion-ldm3d",
  decode: async (vae, latents, options) =>
    colorsOf(checked(await decodeLatents(vae, latents, options))),
};

/** What a call of LDM3D gives for its last latents. */
export async function finishDepthImages(
  run: PipelineRun<Pick<StableDiffusionComponents, "vae" | "safetyChecker" | "featureExtractor">>,
  { latents, outputType, recipe, generator }: LatentEnd,
): Promise<DepthImageOutput> {
  if (outputType === "latent") return { images: [], tensor: latents };
  const { vae } = run.components;
  const decoded = denormalize(checked(await decodeLatents(vae, latents, { generator })));
  const { shown, found } = await hideUnsafe(run, colorsOf(decoded));
  const rows = depthOf(decoded).chunk(decoded.dims[0]!)
    .map((row, i) => found.nsfwContentDetected?.[i] ? Tensor.zeros(row.dims) : row);
  const depth = Tensor.cat(rows);
  const output = { ...await imageOutput(run, shown, outputType, recipe), ...found, depth };
  if (outputType === "tensor") return output;
  const recipeOf = (index: number) => ({ ...recipe(index), shows: "depth" });
  const drawn = await toImages(run, depth.div(65535), recipeOf, 16);
  return { ...output, furtherImages: { depth: drawn } };
}

function checked(decoded: Tensor): Tensor {
  const channels = decoded.dims[1]!;
  if (channels === 4 || channels === 6) return decoded;
  throw new RangeError(
    `Cannot tell depth from an autoencoder of ${channels} output channels: it must have 4, of which the last one is depth, ` +
      "or 6, of which the last two are its high and low byte",
  );
}

function colorsOf(decoded: Tensor): Tensor {
  return decoded.slice(1, 0, 3);
}

/** 16 bits of depth of values of 0 to 1, float32 [N, 4 or 6, H, W] (`VaeImageProcessorLDM3D.numpy_to_depth`). */
function depthOf(decoded: Tensor): Tensor {
  const channels = decoded.dims[1]!;
  if (channels === 4) return decoded.slice(1, 3).map((x) => Math.trunc(Math.fround(x * 65535)));
  const byte = (channel: number) => decoded.slice(1, channel, channel + 1).mul(255).round();
  return byte(4).mul(256).add(byte(5));
}
