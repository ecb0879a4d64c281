import { assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defaultsOf, DenoiseError } from "@denoise/core";
import { check, schema, type UNet2DConditionConfig } from "./config.ts";

function checkWith(changes: Partial<UNet2DConditionConfig>): void {
  check({ ...defaultsOf(schema), ...changes });
}

const K = {
  down_block_types: ["KDownBlock2D", "KDownBlock2D", "KDownBlock2D", "KCrossAttnDownBlock2D"],
  up_block_types: ["KCrossAttnUpBlock2D", "KUpBlock2D", "KUpBlock2D", "KUpBlock2D"],
};

describe("the config of a UNet2DConditionModel", () => {
  it("may have no groups where all levels are those of k-diffusion", () => {
    checkWith({ ...K, norm_num_groups: null });
    assertThrows(
      () => checkWith({ norm_num_groups: null }),
      DenoiseError,
      "norm_num_groups = null",
    );
  });

  it("must have a level of k-diffusion behind one that hides its values", () => {
    const up_block_types = [...defaultsOf(schema).up_block_types];
    assertThrows(() => checkWith({ ...K, up_block_types }), RangeError, "nothing to see");
  });

  it("names what the reference builds and cannot call", () => {
    assertThrows(() => checkWith({ dual_cross_attention: true }), DenoiseError, "dual_cross");
    const types = ["SkipDownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D"];
    assertThrows(() => checkWith({ down_block_types: types }), DenoiseError, "SkipDownBlock2D");
  });

  it("names values that are not known, and the option that another one needs", () => {
    const wrong = { cross_attention_norm: "rms_norm" as never };
    assertThrows(() => checkWith(wrong), DenoiseError, "cross_attention_norm");
    assertThrows(() => checkWith({ mid_block_type: "Mid" }), DenoiseError, "SimpleCrossAttn");
    for (const type of ["text_proj", "image_proj", "text_image_proj"]) {
      const given = { encoder_hid_dim_type: type };
      assertThrows(() => checkWith(given), RangeError, "encoder_hid_dim is null");
    }
    const image = { addition_embed_type: "image_hint" };
    assertThrows(() => checkWith(image), RangeError, "encoder_hid_dim is null");
    const classes = { class_embed_type: "projection" };
    assertThrows(() => checkWith(classes), RangeError, "projection_class_embeddings_input_dim");
  });

  it("must say what the up blocks has where the down blocks has lists in a list", () => {
    const transformer_layers_per_block = [1, [1, 2], 1, 1];
    const reverse_transformer_layers_per_block = [1, 1, 2, 1];
    checkWith({ transformer_layers_per_block, reverse_transformer_layers_per_block });
    assertThrows(
      () => checkWith({ transformer_layers_per_block }),
      RangeError,
      "reverse_transformer_layers_per_block must say",
    );
  });

  it("must have an entry for each level in its lists", () => {
    assertThrows(() => checkWith({ attention_head_dim: [8, 8] }), RangeError, "has 2 entries");
  });
});
