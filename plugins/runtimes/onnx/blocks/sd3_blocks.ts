import type { Scope, Value } from "../graph/mod.ts";
import { add, attention, concat, linear, mul } from "../nn/mod.ts";
import { feedForward } from "./feed_forward.ts";
import { headNorm, jointAttention, type Projected, projectHeads } from "./joint_attention.ts";
import { modulatedNorm, modulation } from "./modulation.ts";

/** Options of {@linkcode sd3Block} and {@linkcode sd3SingleBlock}. */
export interface Sd3BlockOptions {
  /** How many heads. */
  readonly heads: number;
  /** Channels of a token. */
  readonly width: number;
  /** Whether queries and keys are normalized. Defaults to false. */
  readonly isNormed?: boolean | undefined;
  /** Whether the image's tokens attend to each other a second time. Defaults to false. */
  readonly dual?: boolean | undefined;
  /** Whether nothing is made of the text any more. Defaults to false. */
  readonly isLast?: boolean | undefined;
  /** The image that an IP-Adapter follows. None by default. */
  readonly followed?: TimedImage | undefined;
}

/** An image at a time, as an IP-Adapter of Stable Diffusion 3 gives it to the blocks. */
export interface TimedImage {
  /** Its tokens, [N, tokens, C]. */
  readonly tokens: Value;
  /** What tells the time, [N, E]. */
  readonly time: Value;
}

/**
 * Text and image attend to each other, each with weights of its own (`JointTransformerBlock`).
 *
 * @param streams Text and image, each [N, tokens of it, C].
 * @param temb Of timestep and pooled text, [N, C].
 */
export function sd3Block(
  s: Scope,
  [text, image]: readonly [text: Value, image: Value],
  temb: Value,
  { heads, width, isNormed = false, dual = false, isLast = false, followed }: Sd3BlockOptions,
): [text: Value | undefined, image: Value] {
  const attn = s.at("attn");
  const imageTime = modulation(s.at("norm1.linear"), temb, dual ? 9 : 6);
  const textTime = modulation(s.at("norm1_context.linear"), temb, isLast ? 2 : 6);
  const [shift, scale] = imageTime as [Value, Value];
  // of the last block, which makes nothing of the text, scale comes first
  const [textScale, textShift] = (isLast ? textTime : [textTime[1], textTime[0]]) as [Value, Value];
  const imageNormal = modulatedNorm(s, image, [scale, shift], { width });
  const textNormal = modulatedNorm(s, text, [textScale, textShift], { width });
  const own = projectImage(attn, imageNormal, { heads, isNormed });
  const [seen, textSeen] = jointAttention(attn, [
    own.normed,
    projectHeads(attn, textNormal, {
      heads,
      names: ["add_q_proj", "add_k_proj", "add_v_proj"],
      norms: isNormed ? ["norm_added_q", "norm_added_k"] : null,
    }),
  ], { heads }) as [Value, Value];
  const made = linear(attn.at("to_out.0"), follow(attn, seen, own.plain, followed, heads));
  let x = add(s, image, mul(s, imageTime[2]!, made));
  if (dual) {
    const second = s.at("attn2");
    const [shift2, scale2, gate2] = imageTime.slice(6) as [Value, Value, Value];
    const normal = modulatedNorm(s, image, [scale2, shift2], { width });
    const { plain, normed } = projectImage(second, normal, { heads, isNormed });
    const [again] = jointAttention(second, [normed], { heads }) as [Value];
    const out = linear(second.at("to_out.0"), follow(second, again, plain, followed, heads));
    s.graph.markModule(second.path, [out]);
    x = add(s, x, mul(s, gate2, out));
  }
  const fed = (name: string, value: Value, time: readonly Value[]): Value => {
    const normal = modulatedNorm(s, value, [time[4]!, time[3]!], { width });
    const made = feedForward(s.at(name), normal, { activation: "gelu-approximate" });
    return add(s, value, mul(s, time[5]!, made));
  };
  const nextImage = fed("ff", x, imageTime);
  if (isLast) {
    s.graph.markModule(attn.path, [made]);
    return [undefined, nextImage];
  }
  const madeOfText = linear(attn.at("to_add_out"), textSeen);
  s.graph.markModule(attn.path, [made, madeOfText]);
  const nextText = add(s, text, mul(s, textTime[2]!, madeOfText));
  return [fed("ff_context", nextText, textTime), nextImage];
}

/** The projections of the image's tokens, and the same as attention takes them. */
function projectImage(
  attn: Scope,
  x: Value,
  { heads, isNormed }: { readonly heads: number; readonly isNormed: boolean },
): { readonly plain: Projected; readonly normed: Projected } {
  const plain = projectHeads(attn, x, { heads, norms: null });
  if (!isNormed) return { plain, normed: plain };
  const query = headNorm(attn.at("norm_q"), plain.query, { heads });
  const key = headNorm(attn.at("norm_k"), plain.key, { heads });
  return { plain, normed: { ...plain, query, key } };
}

/**
 * Adds what the tokens see in themselves and in the image of an IP-Adapter, with normalizations of its own
 * (`SD3IPAdapterJointAttnProcessor2_0`).
 *
 * @param seen [N, tokens, C].
 */
function follow(
  attn: Scope,
  seen: Value,
  own: Projected,
  followed: TimedImage | undefined,
  heads: number,
): Value {
  if (followed === undefined) return seen;
  const s = attn.at("processor");
  const { tokens, time } = followed;
  const [shift, scale] = modulation(s.at("norm_ip.linear"), time, 2) as [Value, Value];
  const width = s.shape("to_k_ip.weight")[1]!;
  const normal = modulatedNorm(s, tokens, [scale, shift], { width });
  const key = linear(s.at("to_k_ip"), normal, { bias: false });
  const value = linear(s.at("to_v_ip"), normal, { bias: false });
  const keys = [
    headNorm(s.at("norm_k"), own.key, { heads }),
    headNorm(s.at("norm_ip_k"), key, { heads }),
  ];
  const looked = attention(s, {
    query: headNorm(s.at("norm_q"), own.query, { heads }),
    key: concat(s, keys, 1),
    value: concat(s, [own.value, value], 1),
  }, { heads });
  return add(s, seen, mul(s, looked, s.tensor("scale.0")));
}

/** The same of the image alone (`SD3SingleTransformerBlock`). */
export function sd3SingleBlock(
  s: Scope,
  image: Value,
  temb: Value,
  { heads, width }: Sd3BlockOptions,
): Value {
  const attn = s.at("attn");
  const time = modulation(s.at("norm1.linear"), temb, 6);
  const [shift, scale, gate, shiftFf, scaleFf, gateFf] = time as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const normal = modulatedNorm(s, image, [scale, shift], { width });
  const projected = projectHeads(attn, normal, { heads, norms: null });
  const [seen] = jointAttention(attn, [projected], { heads }) as [Value];
  const x = add(s, image, mul(s, gate, linear(attn.at("to_out.0"), seen)));
  const next = modulatedNorm(s, x, [scaleFf, shiftFf], { width });
  const fed = feedForward(s.at("ff"), next, { activation: "gelu-approximate" });
  return add(s, x, mul(s, gateFf, fed));
}
