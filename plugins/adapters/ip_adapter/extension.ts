import type { AdaptableModel } from "@denoise/adapters";
import type { ExtendableModel } from "@denoise/onnx";
import type { StoredTensor } from "@denoise/safetensors";
import { type IpAdapterFile, numberTensor } from "./read.ts";

/** A UNet or transformer that IP-Adapters can be added to. */
export type AdaptedDenoiser = ExtendableModel & AdaptableModel;

/** An attention that looks at images: its path, and the shape of what makes keys of an image. */
type Attention = readonly [path: string, shape: readonly number[]];

/** What the models of a kind of IP-Adapter have in common. */
interface Kind {
  /** The attentions that look at images, in the order of the file. */
  attentions(denoiser: AdaptedDenoiser): readonly Attention[];
  /** Where the projection of the images of an adapter lies. */
  projection(index: number): string;
  /** The name of a part of an adapter in an attention. */
  part(name: string, index: number): string;
  /** How much images count at first. */
  readonly scale: number;
}

const several: Pick<Kind, "projection" | "part"> = {
  projection: (index) => `encoder_hid_proj.image_projection_layers.${index}`,
  part: (name, index) => name.replace(".", `.${index}.`), // to_k_ip.weight: to_k_ip.0.weight
};

const KINDS: Readonly<Record<IpAdapterFile["kind"], Kind>> = {
  unet: { ...several, attentions: attentionsToText, scale: 1 },
  flux: {
    ...several,
    attentions(denoiser) {
      const shape = denoiser.layerShapes.get("context_embedder") ?? [];
      return jointAttentions(denoiser).filter(([path]) => path.endsWith(".attn"))
        .map(([path]) => [path, shape]);
    },
    scale: 1,
  },
  sd3: {
    attentions: jointAttentions,
    projection: () => "image_proj",
    part: (name) => name,
    scale: 0.5,
  },
};

/** The attentions of a UNet to the text: down, up, middle (`attn_processors`). */
export function attentionsToText({ layerShapes }: AdaptedDenoiser): Attention[] {
  const order = ["down_blocks", "up_blocks", "mid_block"];
  const rank = ([path]: Attention) => [
    order.indexOf(path.split(".")[0]!),
    ...(path.match(/\d+/g) ?? []).map(Number),
  ];
  return [...layerShapes]
    .filter(([layer]) => layer.endsWith(".attn2.to_k"))
    .map(([layer, shape]): Attention => [layer.slice(0, -".to_k".length), shape])
    .sort((a, b) => {
      const [first, second] = [rank(a), rank(b)];
      const at = first.findIndex((value, i) => value !== second[i]);
      return at === -1 ? 0 : first[at]! - second[at]!;
    });
}

/** The attentions of a transformer in which text and image have weights of their own, block by block. */
function jointAttentions({ layerShapes }: AdaptedDenoiser): Attention[] {
  const found = [...layerShapes].flatMap(([layer, shape]) => {
    const [, path, block, second] = layer.match(/^(transformer_blocks\.(\d+)\.attn(2?))\.to_k$/) ??
      [];
    return path === undefined ? [] : [{ path, shape, rank: 2 * Number(block) + (second ? 1 : 0) }];
  });
  return found.sort((a, b) => a.rank - b.rank).map(({ path, shape }) => [path, shape]);
}

/**
 * The tensors that IP-Adapters add to a denoiser.
 *
 * @param shortcut Whether FaceID-Plus adapters are of the second version.
 * @throws {RangeError} for IP-Adapters of another model, and several where it takes one.
 */
export function extensionOf(
  denoiser: AdaptedDenoiser,
  files: readonly IpAdapterFile[],
  shortcut: boolean,
): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [i, { kind, projection, layers }] of files.entries()) {
    const of = KINDS[kind];
    const attentions = of.attentions(denoiser);
    for (const [name, tensor] of projection) tensors.set(`${of.projection(i)}.${name}`, tensor);
    if (shortcut && projection.has("proj.net.2.weight")) {
      tensors.set(`${of.projection(i)}.shortcut_scale`, numberTensor(1));
    }
    if (layers.length !== attentions.length) {
      throw new RangeError(
        `Cannot load an IP-Adapter for ${layers.length} attentions into a ` +
          `${denoiser.className} with ${attentions.length}; is it of another model?`,
      );
    }
    if (files.length > 1 && kind === "sd3") {
      throw new RangeError(
        `Cannot load ${files.length} IP-Adapters into a ${denoiser.className}: it takes one`,
      );
    }
    for (const [n, [layer, shape]] of attentions.entries()) {
      const parts = layers[n]!;
      for (const name of ["to_k_ip.weight", "to_v_ip.weight"]) {
        const { dims } = parts.get(name)!;
        if (String(dims) === String(shape)) continue;
        throw new RangeError(
          `Cannot load the IP-Adapter: its weights for "${layer}" are [${dims.join(", ")}], but ` +
            `the ${denoiser.className} needs [${shape.join(", ")}]; is it of another model?`,
        );
      }
      for (const [name, tensor] of parts) {
        tensors.set(`${layer}.processor.${of.part(name, i)}`, tensor);
      }
      tensors.set(`${layer}.processor.scale.${i}`, numberTensor(of.scale));
    }
  }
  return tensors;
}
