import type { CallOptions, Tensor } from "@denoise/core";

/** How much of the LoRAs in use a call applies. */
export interface LoraScale {
  /**
   * What the weights of all LoRAs are multiplied by, in the denoiser and in the text encoders, for this
   * call alone. What is fused stays as it is. Defaults to 1.
   */
  readonly scale?: number | undefined;
}

/** Where the images of IP-Adapters count. */
export interface ImagePromptMasks {
  /**
   * For each IP-Adapter float32 [1, images, H, W] with 1 where an image counts and 0 where not, as
   * `IPAdapterMaskProcessor` makes them; undefined for one that counts everywhere.
   */
  readonly ipAdapterMasks?: readonly (Tensor | undefined)[] | undefined;
}

/** For the attentions of UNets. */
export interface CrossAttentionKwargs {
  /** For the attentions of the UNet (`cross_attention_kwargs`). */
  readonly crossAttentionKwargs?: LoraScale & ImagePromptMasks | undefined;
}

/** For the attentions of transformers, by the name that most of their pipelines have for it. */
export interface AttentionKwargs {
  /** For the attentions of the transformer (`attention_kwargs`). */
  readonly attentionKwargs?: LoraScale | undefined;
}

/** For the attentions of transformers, by the name of pipelines of FLUX.1, Chroma and SD3. */
export interface JointAttentionKwargs {
  /** For the attentions of the transformer (`joint_attention_kwargs`). */
  readonly jointAttentionKwargs?: LoraScale | undefined;
}

/** The declarations of {@linkcode CrossAttentionKwargs}. */
export const crossAttentionKwargs: CallOptions<CrossAttentionKwargs> = {
  crossAttentionKwargs: { type: "object" },
};

/** The declarations of {@linkcode AttentionKwargs}. */
export const attentionKwargs: CallOptions<AttentionKwargs> = {
  attentionKwargs: { type: "object" },
};

/** The declarations of {@linkcode JointAttentionKwargs}. */
export const jointAttentionKwargs: CallOptions<JointAttentionKwargs> = {
  jointAttentionKwargs: { type: "object" },
};

/** What each of them may hold. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  crossAttentionKwargs: ["scale", "ipAdapterMasks"],
  attentionKwargs: ["scale"],
  jointAttentionKwargs: ["scale"],
};

/**
 * What a call's options multiply the weights of LoRAs by; 1 where they say nothing.
 *
 * @throws {TypeError} for anything else in `crossAttentionKwargs` and the like, for masks without images, and for a
 * scale that is no number.
 *
 * @example
 * ```ts
 * import { loraScaleOf } from "@denoise/adapters";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(loraScaleOf({ crossAttentionKwargs: { scale: 0.5 }, seed: 1 }), 0.5);
 * assertEquals(loraScaleOf({ seed: 1 }), 1);
 * ```
 */
export function loraScaleOf(options: object): number {
  for (const [option, keys] of Object.entries(KEYS)) {
    const given = (options as Readonly<Record<string, object | undefined>>)[option];
    if (given === undefined) continue;
    const unknown = Object.keys(given).find((key) => !keys.includes(key));
    if (unknown !== undefined) {
      throw new TypeError(
        `Cannot take ${JSON.stringify(unknown)} in ${option}: it may hold ${keys.join(", ")}`,
      );
    }
    const { scale = 1, ipAdapterMasks } = given as LoraScale & ImagePromptMasks;
    if (ipAdapterMasks !== undefined && !hasImages(options)) {
      throw new TypeError(
        `Cannot take ipAdapterMasks in ${option} without the images that they are for: give ipAdapterImage or ` +
          `ipAdapterImageEmbeds`,
      );
    }
    if (Number.isFinite(scale)) return scale;
    throw new TypeError(`Cannot scale LoRAs by ${scale}: scale in ${option} must be a number`);
  }
  return 1;
}

/** Whether a call follows images by IP-Adapters, which only pipelines that take them can be given. */
function hasImages(options: object): boolean {
  return ["ipAdapterImage", "ipAdapterImageEmbeds"]
    .some((name) => (options as Readonly<Record<string, unknown>>)[name] !== undefined);
}
