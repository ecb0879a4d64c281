import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, type JsonObject } from "@denoise/core";
import { planPipeline } from "./plan.ts";
import { planComponent } from "./plan_component.ts";
import { ddpmRepo, stableDiffusionRepo } from "../../../tests/support/hub_repos.ts";

const sd = stableDiffusionRepo();
const names = Object.keys(sd);
const index = JSON.parse(sd["model_index.json"] as string) as JsonObject;

const SMALL = [
  "feature_extractor/preprocessor_config.json",
  "model_index.json",
  "safety_checker/config.json",
  "scheduler/scheduler_config.json",
  "text_encoder/config.json",
  "tokenizer/merges.txt",
  "tokenizer/special_tokens_map.json",
  "tokenizer/tokenizer_config.json",
  "tokenizer/vocab.json",
  "unet/config.json",
  "vae/config.json",
];

function weights(variant = ""): string[] {
  return [
    `safety_checker/model${variant}.safetensors`,
    `text_encoder/model${variant}.safetensors`,
    `unet/diffusion_pytorch_model${variant}.safetensors`,
    `vae/diffusion_pytorch_model${variant}.safetensors`,
  ];
}

function plan(options: Parameters<typeof planPipeline>[2] = {}, from: readonly string[] = names) {
  // the root checkpoint of the real repo, which no loader asks for, is not chosen
  return planPipeline(index, from, options);
}

describe("planPipeline()", () => {
  it("chooses the 15 files of Stable Diffusion 1.5", () => {
    const { files, warnings } = plan();
    assertEquals(files, [...SMALL, ...weights()].sort());
    assertEquals(files.length, 15);
    assertEquals(warnings, []);
  });

  it("chooses the fp16 weights in place of the plain ones", () => {
    assertEquals(plan({ variant: "fp16" }).files, [...SMALL, ...weights(".fp16")].sort());
  });

  it("mixes a variant that only one component has with plain weights, and says so", () => {
    const { files, warnings } = plan({ variant: "non_ema" });
    const mixed = weights().map((name) =>
      name.startsWith("unet/") ? name.replace("model.", "model.non_ema.") : name
    );
    assertEquals(files, [...SMALL, ...mixed].sort());
    assert(
      warnings[0]!.startsWith("A mixture of non_ema and non-non_ema filenames will be loaded"),
    );
  });

  it("takes the four files of a repo that has everything at its root", () => {
    const repo = ddpmRepo();
    const config = JSON.parse(repo["model_index.json"] as string);
    assertEquals(planPipeline(config, Object.keys(repo)).files, [
      "config.json",
      "diffusion_pytorch_model.safetensors",
      "model_index.json",
      "scheduler_config.json",
    ]);
  });

  it("takes all shards and their index", () => {
    const sharded = names.filter((name) => !name.startsWith("unet/")).concat(
      "unet/config.json",
      "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
      "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
      "unet/diffusion_pytorch_model.safetensors.index.json",
      "unet/diffusion_pytorch_model.bin.index.json",
    );
    assertEquals(plan({}, sharded).files.filter((name) => name.startsWith("unet/")), [
      "unet/config.json",
      "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
      "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
      "unet/diffusion_pytorch_model.safetensors.index.json",
    ]);
  });

  it("leaves out components that are brought, and their folders", () => {
    const { files } = plan({ skip: ["safety_checker", "feature_extractor"] });
    assertEquals(files.length, 12);
    assert(files.every((name) => !/^(safety_checker|feature_extractor)\//.test(name)));
  });

  it("leaves out components that model_index.json has as [null, null]", () => {
    const files = planPipeline({ ...index, safety_checker: [null, null] }, names).files;
    assertEquals(files.filter((name) => name.startsWith("safety_checker/")), []);
    assertEquals(files.length, 13);
  });

  it("refuses an unknown variant and names those that there are", () => {
    const error = assertThrows(() => plan({ variant: "ema" }), DenoiseError);
    assertEquals(error.code, "missing_file");
    assert(error.message.includes('variant "ema"'));
    assert(error.message.includes('"fp16", "non_ema"'));
  });

  it("refuses pickled weights, names them and what to use", () => {
    const from = names.filter((name) => !/^unet\/.*safetensors$/.test(name));
    const error = assertThrows(() => plan({ id: "me/old" }, from), DenoiseError);
    assertEquals(error.code, "pickle_refused");
    assert(error.message.includes("unet of me/old"));
    assert(error.message.includes("unet/diffusion_pytorch_model.bin"));
    assert(error.message.includes("refs/pr/1"));
  });

  it("does not mind a component without safetensors when it is brought", () => {
    const from = names.filter((name) => !/^unet\/.*safetensors$/.test(name));
    assertEquals(plan({ skip: ["unet"] }, from).files.length, 13);
  });

  it("never chooses a pickle, whatever its ending, not even beside a tokenizer", () => {
    const odd = ["pt", "pth", "ckpt", "pkl", "pickle"].map((ending) => `tokenizer/x.${ending}`);
    assertEquals(plan({}, [...names, ...odd]).files.length, 15);
  });

  it("survives roles and names that are no strings", () => {
    const odd = { ...index, vae: [1, 2], unet: [], text_encoder: [null], x: [{}] } as JsonObject;
    assert(planPipeline(odd, names).files.includes("model_index.json"));
  });
});

describe("planComponent()", () => {
  it("takes config and weights of a folder", () => {
    assertEquals(planComponent(names, { subfolder: "unet", weights: true }).files, [
      "unet/config.json",
      "unet/diffusion_pytorch_model.safetensors",
    ]);
  });

  it("takes the weights of a variant", () => {
    assertEquals(planComponent(names, { subfolder: "vae", weights: true, variant: "fp16" }).files, [
      "vae/config.json",
      "vae/diffusion_pytorch_model.fp16.safetensors",
    ]);
  });

  it("takes all files of a tokenizer", () => {
    assertEquals(planComponent(names, { subfolder: "tokenizer", weights: false }).files.length, 4);
  });

  it("takes a scheduler's config alone, at the root too", () => {
    const flat = Object.keys(ddpmRepo());
    assertEquals(planComponent(names, { subfolder: "scheduler", weights: false }).files, [
      "scheduler/scheduler_config.json",
    ]);
    assertEquals(planComponent(flat, { weights: false }).files, [
      "config.json",
      "scheduler_config.json",
    ]);
  });

  it("takes a model at the root", () => {
    assertEquals(planComponent(Object.keys(ddpmRepo()), { weights: true }).files, [
      "config.json",
      "diffusion_pytorch_model.safetensors",
      "scheduler_config.json",
    ]);
  });

  it("names the folders when the one asked for is not there", () => {
    const error = assertThrows(() => planComponent(names, { subfolder: "prior" }), DenoiseError);
    assertEquals(error.code, "missing_file");
    assert(error.message.includes("feature_extractor, safety_checker, scheduler"));
  });

  it("refuses a component that has only pickles", () => {
    const from = ["unet/config.json", "unet/diffusion_pytorch_model.bin"];
    const error = assertThrows(
      () => planComponent(from, { subfolder: "unet", weights: true }),
      DenoiseError,
    );
    assertEquals(error.code, "pickle_refused");
  });

  it("says when weights are wanted and there are none at all", () => {
    const error = assertThrows(
      () => planComponent(["unet/config.json"], { subfolder: "unet", weights: true }),
      DenoiseError,
    );
    assertEquals(error.code, "missing_file");
  });
});
