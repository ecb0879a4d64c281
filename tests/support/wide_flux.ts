import { Generator } from "@denoise/core";
import { openSafetensors, writeSafetensors } from "@denoise/safetensors";
import { fixture } from "./golden.ts";

/** How many times as wide it is inside, and how many blocks of each kind it has. */
const [WIDTH, DOUBLE, SINGLE] = [16, 6, 4];

/** Sizes that come from outside: rows of the embedding of a timestep. */
const OUTER = 256;

/** Writes the transformer of tiny-flux-dev, but wide and deep: 289 MB in float32. */
export async function writeWideFlux(folder: string): Promise<void> {
  const tiny = fixture("tiny-flux-dev/transformer");
  await Deno.mkdir(folder, { recursive: true });
  const config = JSON.parse(await Deno.readTextFile(`${tiny}/config.json`));
  await Deno.writeTextFile(
    `${folder}/config.json`,
    JSON.stringify({
      ...config,
      num_attention_heads: config.num_attention_heads * WIDTH,
      num_layers: DOUBLE,
      num_single_layers: SINGLE,
    }),
  );
  const inner = config.num_attention_heads * config.attention_head_dim;
  const noise = new Generator(0).randn([2 ** 16]).toFloat32Array();
  const { tensors } = await openSafetensors(`${tiny}/diffusion_pytorch_model.safetensors`);
  const wide = (dim: number) => dim % inner === 0 && dim !== OUTER ? dim * WIDTH : dim;
  const entries = [...tensors].flatMap(([name, { dims }]) => {
    const [_, list, index, rest] = /^((?:single_)?transformer_blocks)\.(\d+)\.(.*)$/.exec(name) ??
      [];
    if (index !== undefined && index !== "0") return [];
    const count = list === undefined ? 1 : list === "transformer_blocks" ? DOUBLE : SINGLE;
    const sizes = dims.map(wide);
    const length = sizes.reduce((product, size) => product * size, 1);
    const scale = sizes.length === 1 ? 0.1 : sizes[1]! ** -0.5;
    return Array.from({ length: count }, (_, i) => ({
      name: list === undefined ? name : `${list}.${i}.${rest}`,
      dtype: "float32" as const,
      dims: sizes,
      bytes: () => {
        const numbers = Float32Array.from(
          { length },
          (_, at) => scale * noise[(at * 7 + i) & 0xffff]!,
        );
        return Promise.resolve(new Uint8Array(numbers.buffer));
      },
    }));
  });
  await writeSafetensors(`${folder}/diffusion_pytorch_model.safetensors`, entries, {});
}
