/**
 * Makes plans.json: `DENOISE_REFERENCE_PYTHON=... deno run -A tests/hub/plan_golden.ts`.
 *
 * @module
 */
import { type PlanAnswer, planCase, randomOf } from "./plan_cases.ts";
import { findPython, runPython } from "./python.ts";

const seed = 20261123;
const python = findPython();
if (python === undefined) Deno.exit(1);
const random = randomOf(seed);
const cases = Array.from({ length: 500 }, () => planCase(random));
const answers = await runPython<PlanAnswer[]>(python, "plan_reference.py", cases);
const stored = answers.map((answer, index) =>
  "error" in answer
    ? answer.error.slice(0, 35)
    : cases[index]!.names.map((name) => answer.files.includes(name) ? "1" : "0").join("")
);
const content = { made_with: "diffusers 0.42.1", seed, answers: stored };
await Deno.writeTextFile(new URL("plans.json", import.meta.url), JSON.stringify(content, null, 1));
