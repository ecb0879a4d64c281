import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { todaysAttentionName } from "@denoise/onnx/blocks";

describe("todaysAttentionName()", () => {
  it("gives today's names of tensors in attention blocks, and no others", () => {
    const renamed = {
      "mid_block.attentions.0.query.weight": "mid_block.attentions.0.to_q.weight",
      "down_blocks.1.attentions.0.key.bias": "down_blocks.1.attentions.0.to_k.bias",
      "encoder.mid_block.attentions.0.value.weight": "encoder.mid_block.attentions.0.to_v.weight",
      "mid_block.attentions.0.proj_attn.bias": "mid_block.attentions.0.to_out.0.bias",
      "mid_block.attentions.0.group_norm.bias": "mid_block.attentions.0.group_norm.bias",
      "key.value.weight": "key.value.weight",
    };
    for (const [old, wanted] of Object.entries(renamed)) {
      assertEquals(todaysAttentionName(old), wanted);
    }
  });
});
