/**
 * The profile of one call of a pipeline.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { StableDiffusionPipeline } from "@denoise/denoise";
import { profileTable, readProfile } from "@denoise/onnx";
import { fixture } from "./support/golden.ts";

Deno.test("a call with profile writes where its time goes, of all its models, into one file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/call.json`;
  const pipe = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"));
  const call = { numInferenceSteps: 3, seed: 0 };
  const { images: [plain] } = await pipe("a cat", call);
  const said: string[] = [];
  const error = console.error;
  console.error = (text: string) => void said.push(text);
  try {
    const { images: [profiled] } = await pipe("a cat", { ...call, profile: path });
    assertEquals(profiled!.data, plain!.data);
    for await (const _ of pipe.stream("a cat", { ...call, profile: `${folder}/cut.json` })) break;
  } finally {
    console.error = error;
  }
  await pipe("a cat", call); // the next one has none
  const files = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  assertEquals(files, ["call.json", "cut.json"]);
  const profile = readProfile(await Deno.readTextFile(path));
  assertEquals(said[0], `${profileTable("the call", profile)}\n  ${path}`);
  const steps = profile.modules.find(({ name }) => name === "UNet2DConditionModel.forward conv_in");
  assert(steps!.count >= 3, `${steps!.count}`);
  for (const model of ["CLIPTextModel.forward", "AutoencoderKL.decode"]) {
    assert(profile.modules.some(({ name }) => name.startsWith(`${model} `)), model);
  }
  const cut = readProfile(await Deno.readTextFile(`${folder}/cut.json`));
  assert(!cut.modules.some(({ name }) => name.startsWith("AutoencoderKL")));
  await pipe.dispose();
  await Deno.remove(folder, { recursive: true });
});
