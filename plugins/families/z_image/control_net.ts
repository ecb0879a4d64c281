import { type CallOptions, type ComponentSpec, type Model, Tensor } from "@denoise/core";
import {
  type Control,
  type ControlImageOption,
  controlImageOption,
  imageLatentMeans,
  type ImagesInput,
  latentSpace,
  oneTextEncoder,
  prepareImages,
  prepareMasks,
  repeatForPrompts,
  shrinkMask,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { ZImageComponents } from "./components.ts";
import type { ZImageDenoiser } from "./transformer.ts";

/** What a network that controls Z-Image is called with beside latents and timestep. */
export interface ZImageControlNetCall {
  /** The transformer that it controls, some of whose layers it uses. */
  readonly transformer: ZImageDenoiser;
  /** Latents of the control image, float32 [N, channels, h, w]. */
  readonly controlContext: Tensor;
  /** States of the texts, float32 [text tokens, width], all equally long. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** What the residuals are multiplied with. */
  readonly conditioningScale?: number | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of the config of such a network. */
export interface ZImageControlNetWidths {
  /** Channels of a control image. */
  readonly control_in_dim: number;
  /** Channels of a token inside. */
  readonly dim: number;
}

/** The role of a network that controls Z-Image, as ZImageControlNetModel plays it. */
export interface ZImageControlNet extends Model<ZImageControlNetWidths> {
  /** Residuals for one call of the transformer. */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: ZImageControlNetCall,
  ): Promise<{ readonly controlnetBlockSamples: Readonly<Record<number, Tensor>> }>;
}

/** What Z-Image with a ControlNet consists of. */
export interface ZImageControlComponents extends ZImageComponents {
  /** A ZImageControlNetModel. */
  readonly controlnet: ZImageControlNet;
}

/** The components that the definitions of the pipelines with a ControlNet share. */
export const controlledZImage: {
  readonly components: { readonly [K in keyof ZImageControlComponents]: ComponentSpec };
} = { components: { ...oneTextEncoder.components, controlnet: { kind: "model" } } };

/** Options of a call that a ControlNet controls. */
export interface ZImageControlledOptions extends ControlImageOption {
  /** What the residuals are multiplied with. Defaults to 0.75. */
  readonly controlnetConditioningScale?: number | undefined;
}

/** The declarations of {@linkcode ZImageControlledOptions}. */
export const zImageControlledOptions: CallOptions<ZImageControlledOptions> = {
  ...controlImageOption,
  controlnetConditioningScale: { type: "number" },
};

/** The image and the mask of a call whose ControlNet inpaints. */
export interface ZImageControlMaskOptions {
  /** The image to change, or one for each prompt. */
  readonly image: ImagesInput;
  /** What is inpainted: white. */
  readonly maskImage: ImagesInput;
}

/** The declarations of {@linkcode ZImageControlMaskOptions}. */
export const zImageControlMaskOptions: CallOptions<ZImageControlMaskOptions> = {
  image: { type: "image", list: "allowed", required: true },
  maskImage: { type: "image", list: "allowed", required: true },
};

/** What a ControlNet adds to a call of the transformer for rows whose texts are equally long. */
export type ZImageControl = (call: {
  /** Latents of these rows, float32 [N, C, h, w]. */
  readonly latents: Tensor;
  /** 0..1: the share of data. */
  readonly timestep: number;
  /** Of which images the rows are, counted from 0. */
  readonly images: readonly number[];
  /** States of their texts. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Cancels before the call starts. */
  readonly signal: AbortSignal | undefined;
}) => Promise<Readonly<Record<number, Tensor>>>;

function controlWith<O extends ZImageControlledOptions>(
  beside: (
    options: O,
  ) => {
    /** Channels beside those of the control image's latents, where they must be so many. */
    readonly channels: (latents: number) => number | undefined;
    readonly image?: ImagesInput | undefined;
    readonly mask?: ImagesInput | undefined;
  },
): Control<ZImageControlComponents, O, ZImageControl> {
  return {
    plan({ controlnet, transformer, vae }, options) {
      const { channels, image, mask } = beside(options);
      const { channels: own } = latentSpace(vae);
      const { control_in_dim: wanted, dim } = controlnet.config;
      checkFits({ wanted, least: own, exact: channels(own), dim }, transformer);
      return {
        async images(codec, given, { prompts, count }, size) {
          const set = given as ImagesInput;
          const prepared = async (of: ImagesInput) =>
            of instanceof Tensor ? of : await prepareImages(codec, of, size);
          const rows = await prepared(set);
          const all = [await imageLatentMeans(vae, rows, rows.dims[0]!)];
          if (image !== undefined && mask !== undefined) {
            const images = await prepared(image);
            const found = images.dims[0]!;
            const masks = await prepareMasks(codec, mask, size);
            const covered = masks.dims[0] === 1 ? masks.repeatInterleave(found, 0) : masks;
            const left = images.mul(covered.map((x) => x < 0.5 ? 1 : 0));
            const small = shrinkMask(covered, vaeScaleFactor(vae));
            all.push(small.mul(-1).add(1), await imageLatentMeans(vae, left, found));
          } else if (wanted > own) {
            const [n, , h, w] = all[0]!.dims as [number, number, number, number];
            all.push(Tensor.zeros([n, wanted - own, h, w]));
          }
          return all.map((part) => repeatForPrompts(part, prompts, count));
        },
        begin(images) {
          const contexts = Tensor.cat(images, 1);
          const { controlnetConditioningScale: conditioningScale = 0.75 } = options;
          return async ({ latents, timestep, images: rows, encoderHiddenStates, signal }) => {
            const controlContext = Tensor.cat(rows.map((row) => contexts.slice(0, row, row + 1)));
            const { controlnetBlockSamples } = await controlnet.forward(latents, timestep, {
              ...{ transformer, controlContext, encoderHiddenStates, conditioningScale, signal },
            });
            return controlnetBlockSamples;
          };
        },
      };
    },
  };
}

/** A ControlNet beside Z-Image's transformer. */
export const zImageControlNet: Control<
  ZImageControlComponents,
  ZImageControlledOptions,
  ZImageControl
> = controlWith(() => ({ channels: () => undefined }));

/** One that is given an image without what a mask covers, and the mask. */
export const zImageInpaintingControlNet: Control<
  ZImageControlComponents,
  ZImageControlledOptions & ZImageControlMaskOptions,
  ZImageControl
> = controlWith(({ image, maskImage }) => ({
  channels: (latents) => 2 * latents + 1,
  ...{ image, mask: maskImage },
}));

/** A ControlNet takes so many channels, and gives tokens of its transformer's width. */
function checkFits(
  { wanted, least, exact, dim }: {
    readonly wanted: number;
    readonly least: number;
    readonly exact: number | undefined;
    readonly dim: number;
  },
  { config }: ZImageDenoiser,
): void {
  if (config.dim !== dim) {
    throw new RangeError(
      `Cannot control this transformer: its dim is ${config.dim}, that of the ControlNet ${dim}; use ` +
        "a ControlNet that was trained for this model",
    );
  }
  if (exact === undefined ? wanted >= least : wanted === exact) return;
  throw new RangeError(
    `Cannot control by images of ${exact ?? least} channels: the ControlNet takes ${wanted}` +
      (exact === undefined ? "" : "; inpainting needs one of version 2.0 or later"),
  );
}
