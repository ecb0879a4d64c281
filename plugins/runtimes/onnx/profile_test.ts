import { assert, assertEquals } from "@std/assert";
import { Tensor } from "@denoise/core";
import {
  childEngine,
  defineModel,
  float32,
  inlineEngine,
  profileTable,
  readProfile,
} from "@denoise/onnx";
import { linear, silu } from "@denoise/onnx/nn";
import { storedTensor } from "@denoise/safetensors";
import type { Model } from "@denoise/core";

interface Net extends Model {
  forward(x: Tensor): Promise<Tensor>;
}

const Net = defineModel<object, Net>({
  className: "Net",
  schema: {},
  graphs: {
    forward: {
      inputs: () => ({ x: float32("batch", 64) }),
      build: (s, _config, { x }) => {
        const h = silu(s, linear(s.at("blocks.0.proj"), x!, { bias: false }));
        return { y: linear(s.at("blocks.1.proj"), h, { bias: false }) };
      },
    },
  },
  methods: (model) => ({ forward: async (x) => (await model.run("forward", { x })).y! }),
});

for (const [home, open] of [["inline", inlineEngine], ["child", childEngine]] as const) {
  Deno.test(`DENOISE_PROFILE writes where the time of a session goes (${home})`, async () => {
    const folder = await Deno.makeTempDir();
    const engine = open();
    const said: string[] = [];
    const error = console.error;
    Deno.env.set("DENOISE_PROFILE", `${folder}/run.json`);
    console.error = (text: string) => void said.push(text);
    try {
      const weight = storedTensor(Tensor.ones([64, 64]));
      const tensors = [["blocks.0.proj.weight", weight], ["blocks.1.proj.weight", weight]] as const;
      const model = await Net.fromTensors({}, tensors, { engine });
      for (let i = 0; i < 3; i++) await model.forward(Tensor.ones([2, 64]));
      await model.dispose();
    } finally {
      console.error = error;
      Deno.env.delete("DENOISE_PROFILE");
    }
    const [file, ...others] = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name)
      .filter((name) => name.startsWith("run.Net.")); // tests beside this one may have sessions too
    assertEquals(others, []);
    assert(/^run\.Net\.forward\.\d+\.json$/.test(file!), file);
    const profile = readProfile(await Deno.readTextFile(`${folder}/${file}`));
    const products = profile.operators.find(({ name }) => name === "FusedMatMul")!;
    assertEquals(products.count, 6);
    const modules = profile.modules.map(({ name }) => name);
    assert(modules.includes("blocks.0.proj") && modules.includes("blocks.1.proj"), `${modules}`);
    assertEquals(said.filter((text) => text.startsWith("Net.")), [
      `${profileTable("Net.forward", profile)}\n  ${folder}/${file}`,
    ]);
    assert(profileTable("Net.forward", profile).includes("FusedMatMul"));
    await engine.close();
  });
}
