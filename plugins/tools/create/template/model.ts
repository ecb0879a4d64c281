import type { Names } from "../names.ts";

/** The model itself: a convolution, residual blocks that know the timestep, a convolution. */
export function modelSource({ className, stem, packageName }: Names): string {
  return `/**
 * ${className}: finds the noise in an image. A convolution, \`num_layers\` residual blocks that know the timestep,
 * and a convolution. With x the values and e the sinusoidal embedding of the timestep, a block is
 *
 *     x' = x + conv(silu(norm(x))) + linear(e)
 *
 * Tensors have the names of the torch module: \`conv_in\`, \`blocks.0.norm\`, \`blocks.0.conv\`,
 * \`blocks.0.time_proj\`, ..., \`conv_out\`, each with \`weight\` and \`bias\`.
 *
 * @example
 * \`\`\`ts ignore
 * import { ${className} } from "${packageName}";
 *
 * const model = await ${className}.fromPretrained("./folder");
 * \`\`\`
 *
 * @module
 */
import { float, type Model, type ModelClass, number, string, type Tensor } from "@denoise/core";
import { defineModel, float32, timesteps, timestepTensor, unsupportedOption } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  conv2d,
  groupNorm,
  linear,
  sinusoidalEmbedding,
  unsqueeze,
} from "@denoise/onnx/nn";

/** Options of {@linkcode ${className}}, as they stand in config.json. */
export interface ${stem}Config {
  /** Channels of the images. */
  readonly in_channels: number;
  /** Channels inside. */
  readonly channels: number;
  /** Residual blocks. */
  readonly num_layers: number;
  /** Groups of the normalization. */
  readonly groups: number;
  /** The activation. */
  readonly act_fn: string;
  /** Of training; only 0 can be computed. */
  readonly dropout: number;
}

/** A loaded ${className}. */
export interface ${className} extends Model<${stem}Config> {
  /** The noise in \`sample\`, float32 [N, C, H, W], at a timestep, or at one for each image. */
  forward(sample: Tensor, timestep: number | readonly number[]): Promise<{ sample: Tensor }>;
}

function block(s: Scope, x: Value, emb: Value, config: ${stem}Config): Value {
  const normed = groupNorm(s.at("norm"), x, { groups: config.groups });
  const h = conv2d(s.at("conv"), activation(s, normed, config.act_fn), { padding: 1 });
  const shift = unsqueeze(s, linear(s.at("time_proj"), emb), [2, 3]); // [N, C, 1, 1]
  return add(s, add(s, x, h), shift);
}

/** Finds the noise in an image. */
export const ${className}: ModelClass<${className}> = defineModel<${stem}Config, ${className}>({
  className: "${className}",
  schema: {
    in_channels: number(3),
    channels: number(32),
    num_layers: number(2),
    groups: number(8),
    act_fn: string("silu"),
    dropout: float(0),
  },
  check: ({ dropout }) => {
    if (dropout !== 0) throw unsupportedOption("${className}", "dropout", dropout, [0]);
  },
  graphs: {
    forward: {
      inputs: ({ in_channels }) => ({
        sample: float32("batch", in_channels, "height", "width"),
        timestep: timesteps("batch"),
      }),
      build: (s, config, { sample, timestep }) => {
        const emb = sinusoidalEmbedding(s, timestep!, { width: 16 });
        let h = conv2d(s.at("conv_in"), sample!, { padding: 1 });
        for (let i = 0; i < config.num_layers; i++) {
          h = block(s.at("blocks", i), h, emb, config);
        }
        return { noise: conv2d(s.at("conv_out"), h) };
      },
    },
  },
  methods: (model) => ({
    async forward(sample, timestep) {
      const steps = timestepTensor(timestep, sample.dims[0]!);
      const { noise } = await model.run("forward", { sample, timestep: steps });
      return { sample: noise! };
    },
  }),
});
`;
}

/** The tests: numbers of torch, and the conformance suite. */
export function modelTests({ className }: Names): string {
  return `import { assertAlmostEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { saveSafetensors } from "@denoise/safetensors";
import { testModel } from "@denoise/testing";
import { ${className} } from "./mod.ts";

/** sin(0), sin(1), sin(2), ... times 0.2: weights that are the same in torch without a file. */
function wave(...dims: number[]): Tensor {
  const count = dims.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i) * 0.2);
  return new Tensor("float32", data, dims);
}

const block = (i: number) => ({
  [\`blocks.\${i}.norm.weight\`]: wave(4),
  [\`blocks.\${i}.norm.bias\`]: wave(4),
  [\`blocks.\${i}.conv.weight\`]: wave(4, 4, 3, 3),
  [\`blocks.\${i}.conv.bias\`]: wave(4),
  [\`blocks.\${i}.time_proj.weight\`]: wave(4, 16),
  [\`blocks.\${i}.time_proj.bias\`]: wave(4),
});
const folder = await Deno.makeTempDir();
const config = { in_channels: 1, channels: 4, num_layers: 2, groups: 2 };
await Deno.writeTextFile(\`\${folder}/config.json\`, JSON.stringify(config));
await saveSafetensors(\`\${folder}/diffusion_pytorch_model.safetensors\`, {
  "conv_in.weight": wave(4, 1, 3, 3),
  "conv_in.bias": wave(4),
  ...block(0),
  ...block(1),
  "conv_out.weight": wave(1, 4, 1, 1),
  "conv_out.bias": wave(1),
});
const sample = wave(1, 1, 2, 4);

/** What the same module in torch 2.13.0 gives for that sample at timestep 500. */
const TORCH = [0.297709, 0.329984, 0.323869, 0.303824, 0.321758, 0.290288, 0.292349, 0.311215];

describe("${className}", () => {
  it("gives what torch gives", async () => {
    const model = await ${className}.fromPretrained(folder);
    const { sample: noise } = await model.forward(sample, 500);
    // float32 sums in another order: the last of six digits may differ
    noise.toFloat32Array().forEach((value, i) => assertAlmostEquals(value, TORCH[i]!, 2e-6));
    await model.dispose();
  });
});

testModel(${className}, {
  folder,
  call: (model) => model.forward(sample, 500),
  refuses: [{
    call: (model) => model.forward(wave(1, 3, 2, 4), 500),
    error: TypeError,
    message: "sample",
  }],
});
`;
}
