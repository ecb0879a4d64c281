/**
 * LoRA: low-rank changes of a pipeline's UNet or transformer and its text encoders (Hu et al.,
 * arXiv:2106.09685), from .safetensors files in the styles of diffusers, PEFT, kohya, ai-toolkit, ComfyUI
 * and XLabs, by diffusers' layer names of any year or those of the original Stable Diffusion 1 to 3,
 * FLUX.1, Chroma and ACE-Step, where a change of several layers in one is taken apart; also DoRA (arXiv:2402.09353),
 * and LoCon, LoHa, LoKr and whole differences as LyCORIS names them (arXiv:2309.14859).
 *
 * Several can be mixed; the base weights stay mapped as they are, and changes are computed beside the
 * layers ({@linkcode setAdapters}), as much of them as a call says (`crossAttentionKwargs: { scale: 0.5 }`
 * of UNets, `jointAttentionKwargs` or `attentionKwargs` of transformers, by diffusers' names).
 * {@linkcode fuseLora} merges them into the weights, which costs a call nothing then, and
 * {@linkcode enableLoraHotswap} makes them inputs of the sessions, so that others take their place without
 * new ones.
 *
 * Where diffusers 0.42.1 does otherwise: a LoRA that is loaded beside others is in use at once, there in
 * layers that the others do not change; fused ones do not stop others from being computed; a scale of
 * {@linkcode fuseLora} or of a call does not change weights for good; that of a call of
 * StableDiffusionInstructPix2PixPipeline counts in the text encoder, too; unfusing gives the weights back bit
 * for bit, since they were never overwritten.
 *
 * What PEFT's config beside the tensors says (diffusers writes it into the header of the file, PEFT into
 * adapter_config.json) is honoured: rank and alpha, for all layers or by patterns, rank-stabilised or
 * not (arXiv:2312.03732), DoRA, biases. Alpha tensors count for each layer by itself; diffusers 0.42.1
 * takes the most frequent one for attentions.
 *
 * For FLUX.1 files of kohya's and ComfyUI's change T5, biases, the embedders and the last layer, too, with
 * their alphas; diffusers 0.42.1 passes over these.
 *
 * Control LoRAs of FLUX.1 (Canny and Depth, for FluxControlPipeline) make the transformer's input wider
 * and put lengths of queries and keys in the place of its own, at any weight, until they are taken away.
 * diffusers 0.42.1 changes the last layer by another product than theirs: it swaps halves of `lora_A` too.
 *
 * Not covered: other kinds of LyCORIS (GLoRA, (IA)³, OFT, norms), DoRA with a length for each input, and
 * options of PEFT that change the base weights or replace modules (PiSSA, OLoRA, CorDA, modules_to_save,
 * ...); a file that has them is refused.
 *
 * @example
 * ```ts ignore
 * import { DiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await DiffusionPipeline.fromPretrained("stable-diffusion-v1-5/stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors", { adapterName: "pixel" });
 * await pipe.setAdapters(["pixel"], [0.8]);
 * ```
 *
 * @module
 */
import type { AdapterClass } from "@denoise/core";
import { defineAdapter } from "@denoise/adapters";
import { fusedLoras, fuseLora, unfuseLora } from "./fuse.ts";
import { enableLoraHotswap, loadLoraWeights } from "./load.ts";
import {
  deleteAdapters,
  disableLora,
  enableLora,
  getActiveAdapters,
  getListAdapters,
  unloadLoraWeights,
} from "./manage.ts";
import { setAdapters } from "./weights.ts";

export type { Adaptable } from "./parts.ts";
export { fusedLoras, fuseLora, type FuseOptions, unfuseLora, type UnfuseOptions } from "./fuse.ts";
export { enableLoraHotswap, loadLoraWeights, type LoraOptions } from "./load.ts";
export {
  deleteAdapters,
  disableLora,
  enableLora,
  getActiveAdapters,
  getListAdapters,
  unloadLoraWeights,
} from "./manage.ts";
export { type AdapterWeights, type LayerWeights, setAdapters } from "./weights.ts";

/** Gives pipelines the functions of this module as methods (`LoraLoaderMixin` of diffusers). */
export const LoraLoaderMixin: AdapterClass<{
  readonly loadLoraWeights: typeof loadLoraWeights;
  readonly unloadLoraWeights: typeof unloadLoraWeights;
  readonly setAdapters: typeof setAdapters;
  readonly getActiveAdapters: typeof getActiveAdapters;
  readonly getListAdapters: typeof getListAdapters;
  readonly deleteAdapters: typeof deleteAdapters;
  readonly enableLora: typeof enableLora;
  readonly disableLora: typeof disableLora;
  readonly fuseLora: typeof fuseLora;
  readonly unfuseLora: typeof unfuseLora;
  readonly fusedLoras: typeof fusedLoras;
  readonly enableLoraHotswap: typeof enableLoraHotswap;
}> = defineAdapter({
  className: "LoraLoaderMixin",
  functions: {
    ...{ loadLoraWeights, unloadLoraWeights, setAdapters, getActiveAdapters, getListAdapters },
    ...{ deleteAdapters, enableLora, disableLora, fuseLora, unfuseLora, fusedLoras },
    enableLoraHotswap,
  },
});
