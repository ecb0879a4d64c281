import type { LoraAdapter, LoraLayer } from "@denoise/adapters";
import { type AdaptedDenoiser, attentionsToText } from "./extension.ts";
import type { IpAdapterFile } from "./read.ts";

/** What the LoRA of an IP-Adapter is called, as diffusers calls it. */
const FACE = /^faceid_\d+$/;

/**
 * Uses the LoRAs of these FaceID adapters as `faceid_0`, `faceid_1`, ... at weight 1, in the place of those that are
 * there, beside all others; diffusers turns the others off.
 */
export async function setFaces(
  denoiser: AdaptedDenoiser,
  files: readonly Pick<IpAdapterFile, "lora">[],
): Promise<void> {
  const attentions = attentionsToText(denoiser).map(([path]) => path);
  const others = denoiser.adapters.filter(({ name }) => !FACE.test(name));
  const faces = files.flatMap(({ lora }, i): LoraAdapter[] => {
    if (lora.size === 0) return [];
    const layers = [...lora].map(([key, matrices]): [string, LoraLayer] => {
      const [number, ...layer] = key.split(".");
      // numbers count attentions to pixels and to text in turn
      const path = attentions[Math.floor(Number(number) / 2)] ?? "";
      const own = Number(number) % 2 === 0 ? path.replace(/attn2$/, "attn1") : path;
      return [`${own}.${layer.join(".")}`, { ...matrices, scale: 1 }];
    });
    return [{ name: `faceid_${i}`, weight: 1, layers: new Map(layers) }];
  });
  if (faces.length === 0 && others.length === denoiser.adapters.length) return;
  await denoiser.setAdapters([...others, ...faces]);
}
