/**
 * Every tensor of every model of tests/fixtures, left out one at a time: the model must not load.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { DenoiseError, type JsonObject, readConfig } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import type { OnnxModelClass } from "@denoise/onnx";
import { findWeights, openWeights, type StoredTensor } from "@denoise/safetensors";
import { fixture } from "./support/golden.ts";
import { MODEL_CLASSES } from "./support/models.ts";

/**
 * Tensors that checkpoints may have and that the model has no use for: tables, the head of a language model, what is
 * between the frames of a video.
 */
const UNUSED =
  /embeddings\.(position|token_type)_ids$|^lm_head\.weight$|\.time_conv\.|\.num_batches_tracked$/;

/** What is for images, audio or words alone, of models of which another part is what encodes prompts. */
const UNUSED_OF: Readonly<Record<string, RegExp>> = {
  ChatGLMModel: /^(output_layer\.|rotary_pos_emb\.inv_freq$)/,
  ClapModel: /^(audio_|logit_scale_)/,
  Gemma3ForConditionalGeneration: /^(model\.)?(vision_tower|multi_modal_projector)\./,
  GPT2LMHeadModel: /^transformer\.wte\./,
  GPT2Model: /^wte\./,
  MultilingualCLIP: /^transformer\.pooler\./,
  Mistral3ForConditionalGeneration: /^(model\.)?(vision_tower|multi_modal_projector)\./,
};

interface Fixture {
  readonly className: string;
  readonly folder: string;
}

function* fixtures(): Generator<Fixture> {
  const vision = new URL("../plugins/models/clip_vision/testdata", import.meta.url).pathname;
  yield { className: "CLIPVisionModel", folder: `${vision}/plain` };
  yield { className: "CLIPVisionModelWithProjection", folder: `${vision}/projected` };
  for (const className of MODEL_CLASSES.filter((name) => registry.has(name))) {
    for (const { name } of Deno.readDirSync(fixture(`models/${className}`))) {
      yield { className, folder: fixture(`models/${className}/${name}`) };
    }
  }
}

async function problemOf(
  plugin: OnnxModelClass,
  config: JsonObject,
  tensors: ReadonlyMap<string, StoredTensor>,
): Promise<unknown> {
  try {
    await plugin.fromTensors(config, tensors);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("a model whose file lacks one tensor is refused", () => {
  for (const { className, folder } of fixtures()) {
    it(`${className}, ${folder.split("/").at(-1)}`, async () => {
      const plugin = await registry.get(className, "model", "a test") as unknown as OnnxModelClass;
      const config = await readConfig(`${folder}/config.json`);
      const tensors = await openWeights(await findWeights(folder));
      for (const left of tensors.keys()) {
        if (UNUSED.test(left) || UNUSED_OF[className]?.test(left)) continue;
        const others = new Map([...tensors].filter(([name]) => name !== left));
        const error = await problemOf(plugin, config, others);
        assert(error instanceof DenoiseError, `without ${left}: ${error ?? "it loaded"}`);
        assertEquals(error.code, "missing_tensor", `${left}: ${error.message}`);
      }
    });
  }
});
