import type { Scope, Value } from "../graph/mod.ts";
import { add, linear, mul } from "../nn/mod.ts";
import { feedForward } from "./feed_forward.ts";
import { jointAttention, projectHeads } from "./joint_attention.ts";
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
  { heads, width, isNormed = false, dual = false, isLast = false }: Sd3BlockOptions,
): [text: Value | undefined, image: Value] {
  const attn = s.at("attn");
  const imageTime = modulation(s.at("norm1.linear"), temb, dual ? 9 : 6);
  const textTime = modulation(s.at("norm1_context.linear"), temb, isLast ? 2 : 6);
  const [shift, scale] = imageTime as [Value, Value];
  // of the last block, which makes nothing of the text, scale comes first
  const [textScale, textShift] = (isLast ? textTime : [textTime[1], textTime[0]]) as [Value, Value];
  const imageNormal = modulatedNorm(s, image, [scale, shift], { width });
  const textNormal = modulatedNorm(s, text, [textScale, textShift], { width });
  const [seen, textSeen] = jointAttention(attn, [
    projectHeads(attn, imageNormal, { heads, norms: isNormed ? undefined : null }),
    projectHeads(attn, textNormal, {
      heads,
      names: ["add_q_proj", "add_k_proj", "add_v_proj"],
      norms: isNormed ? ["norm_added_q", "norm_added_k"] : null,
    }),
  ], { heads }) as [Value, Value];
  const made = linear(attn.at("to_out.0"), seen);
  let x = add(s, image, mul(s, imageTime[2]!, made));
  if (dual) {
    const second = s.at("attn2");
    const [shift2, scale2, gate2] = imageTime.slice(6) as [Value, Value, Value];
    const normal = modulatedNorm(s, image, [scale2, shift2], { width });
    const projected = projectHeads(second, normal, { heads, norms: isNormed ? undefined : null });
    const [own] = jointAttention(second, [projected], { heads }) as [Value];
    x = add(s, x, mul(s, gate2, linear(second.at("to_out.0"), own)));
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
