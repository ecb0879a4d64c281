import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertThrows } from "@std/assert";
import { adoptConfig, DenoiseError, Tensor } from "@denoise/core";
import { classLabelsOf } from "./class_labels.ts";
import type { UNet2DConfig } from "@denoise/onnx/blocks";
import { check, schema } from "./config.ts";

function config(options: Partial<UNet2DConfig>) {
  return adoptConfig("UNet2DModel", schema, {}, { block_out_channels: [8, 8, 8], ...options });
}

const [PLAIN, SKIP] = [["DownBlock2D", "UpBlock2D"], ["SkipDownBlock2D", "SkipUpBlock2D"]] as const;

/** Levels from the largest down: `s` for a Skip block, `p` for a plain one. */
function levels(down: string, up = [...down].reverse().join("")): Partial<UNet2DConfig> {
  const name = (letter: string) => (letter === "s" ? SKIP : PLAIN);
  return {
    down_block_types: [...down].map((letter) => name(letter)[0]),
    up_block_types: [...up].map((letter) => name(letter)[1]),
  };
}

describe("a UNet2DModel's config", () => {
  it("may have Skip blocks where the image has the size of the level", () => {
    for (const down of ["sss", "ssp", "spp", "ppp"]) {
      check(config(levels(down)));
      check(config({ ...levels(down), norm_num_groups: 4 }));
    }
    check(config(levels("pps", "ppp"))); // the last level does not use the image
    check(config({ ...levels("sss"), norm_num_groups: null }));
    check(config({ ...levels("ppp"), in_channels: 4, out_channels: 1 }));
  });

  it("is refused where Skip blocks would meet an image of another size", () => {
    assertThrows(() => check(config(levels("pss"))), RangeError, "down_block_types, SkipDownBlock");
    assertThrows(
      () => check(config(levels("ppp", "spp"))),
      RangeError,
      "up_block_types, UpBlock2D follows SkipUpBlock2D",
    );
  });

  it("is refused with Skip blocks on other than three channels", () => {
    for (const option of ["in_channels", "out_channels"] as const) {
      const wrong = config({ ...levels("sss"), [option]: 4 });
      assertThrows(() => check(wrong), DenoiseError, `${option}`);
    }
  });

  it("needs norm_num_groups for plain blocks", () => {
    const none = config({ ...levels("spp"), norm_num_groups: null });
    assertThrows(() => check(none), DenoiseError, "norm_num_groups");
  });

  it("is refused with blocks that are not known or not as many as levels", () => {
    const types = ["CrossAttnDownBlock2D", "DownBlock2D", "DownBlock2D"];
    const unknown = config({ ...levels("ppp"), down_block_types: types });
    assertThrows(() => check(unknown), DenoiseError, "CrossAttnDownBlock2D");
    assertThrows(() => check(config(levels("pppp"))), RangeError, "4 entries");
  });

  it("has K blocks alone or none", () => {
    const [down, up] = [Array(3).fill("KDownBlock2D"), Array(3).fill("KUpBlock2D")];
    const all = { down_block_types: down, up_block_types: up, norm_num_groups: null };
    check(config(all));
    const mixed = config({ ...all, up_block_types: [...up.slice(1), "SkipUpBlock2D"] });
    assertThrows(() => check(mixed), RangeError, "do not fit together with SkipUpBlock2D");
  });

  it("knows the block names of old configs", () => {
    const types = levels("ppp").down_block_types!.map((type) => `UNetRes${type}`);
    check(config({ ...levels("ppp"), down_block_types: types }));
  });
});

describe("class labels", () => {
  const labels = Tensor.from([0, 3]);

  it("take the type that the graph takes", () => {
    assertEquals(classLabelsOf(config({ num_class_embeds: 4 }), labels).dtype, "int64");
    const timestep = config({ class_embed_type: "timestep" });
    assertEquals(classLabelsOf(timestep, labels.astype("int64")).dtype, "float32");
  });

  it("are refused beyond the table", () => {
    for (const wrong of [[0, 4], [-1], [1.5]]) {
      assertThrows(
        () => classLabelsOf(config({ num_class_embeds: 4 }), Tensor.from(wrong)),
        RangeError,
        "from 0 to 3",
      );
    }
  });
});
