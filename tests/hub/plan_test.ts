import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { planPipeline } from "@denoise/hub";
import type { JsonObject } from "@denoise/core";
import golden from "./plans.json" with { type: "json" };
import { type PlanAnswer, type PlanCase, planCase, randomOf } from "./plan_cases.ts";
import { findPython, runPython } from "./python.ts";

const PICKLE = /\.(bin|pt|pth|ckpt|pkl|pickle)$/;

function check({ index, names, variant, skip }: PlanCase, answer: PlanAnswer): void {
  const plan = () =>
    planPipeline(index as JsonObject, names, { variant: variant ?? undefined, skip }).files;
  const about = JSON.stringify({ index, names, variant, skip });
  if ("error" in answer) {
    // "Could not find the necessary `safetensors`", "You are trying to load model files"
    assertThrows(plan, Error, answer.error.slice(0, 35), about);
  } else {
    // what the reference would download, but for pickles beside tokenizers and the like
    assertEquals(plan(), answer.files.filter((name) => !PICKLE.test(name)), about);
  }
}

describe("planPipeline() chooses what diffusers chooses", () => {
  it(`in ${golden.answers.length} stored cases of ${golden.made_with}`, () => {
    const random = randomOf(golden.seed);
    for (const stored of golden.answers) {
      const item = planCase(random);
      // one digit for each name: 1 for a file that is chosen; or how the error begins
      const answer = /^[01]+$/.test(stored)
        ? { files: item.names.filter((_, index) => stored[index] === "1") }
        : { error: stored };
      check(item, answer);
    }
    assert(golden.answers.filter((stored) => /^[01]+$/.test(stored)).length > 200);
  });

  const python = findPython();
  const seed = Number(Deno.env.get("DENOISE_SEED") ?? Math.floor(Math.random() * 2 ** 32));
  it({
    name: `in 400 new cases, seed ${seed}`,
    ignore: python === undefined,
    fn: async () => {
      const random = randomOf(seed);
      const cases = Array.from({ length: 400 }, () => planCase(random));
      const answers = await runPython<PlanAnswer[]>(python!, "plan_reference.py", cases);
      cases.forEach((item, index) => check(item, answers[index]!));
    },
  });
});
