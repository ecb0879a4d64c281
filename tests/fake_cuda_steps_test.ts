/**
 * How many kernels, fills and copies a call of a model of its real size takes, counted by a fake CUDA
 * (scripts/gpu/fake/build.sh): a card waits for each of them, so a change must not add any.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { type Model, type ModelClass, randn } from "@denoise/core";
import type { Autoencoder, Denoiser } from "@denoise/roles";
import { registry } from "@denoise/denoise/registry";

const python = Deno.env.get("DENOISE_REFERENCE_PYTHON");
const isFake = (Deno.env.get("DENOISE_FAKE_CUDA") ?? "0") !== "0";
const ignore = !isFake || python === undefined;

/** What the fake has counted. */
interface Counts {
  readonly launches: number;
  readonly memset_n: number;
  readonly h2d_n: number;
  readonly d2h_n: number;
  readonly kernels: Readonly<Record<string, number>>;
}

/** Counts what a call makes a card do. */
async function counted(call: () => Promise<unknown>): Promise<Counts> {
  const out = Deno.env.get("FAKECUDA_OUT")!;
  const cuda = Deno.dlopen("libcudart.so.13", {
    fakecuda_reset: { parameters: [], result: "void" },
    fakecuda_dump: { parameters: [], result: "void" },
  });
  try {
    cuda.symbols.fakecuda_reset();
    await call();
    cuda.symbols.fakecuda_dump();
  } finally {
    cuda.close();
  }
  return JSON.parse(await Deno.readTextFile(out));
}

const CALLS: Readonly<Record<string, (model: Model) => Promise<unknown>>> = {
  sd15: (model) =>
    (model as Denoiser).forward(randn([2, 4, 64, 64]), 500, {
      encoderHiddenStates: randn([2, 77, 768]),
    }),
  sdxl: (model) =>
    (model as Denoiser).forward(randn([2, 4, 128, 128]), 500, {
      encoderHiddenStates: randn([2, 77, 2048]),
      textEmbeds: randn([2, 1280]),
      timeIds: randn([2, 6]),
    }),
  vae: (model) => (model as Autoencoder).decode(randn([1, 4, 64, 64])),
};

/** The most that a call in float16 may take: what it took when these were written, and 2 %. */
const BOUNDS: Readonly<Record<string, Pick<Counts, "launches" | "h2d_n" | "d2h_n">>> = {
  sd15: { launches: 555, h2d_n: 19, d2h_n: 1 },
  sdxl: { launches: 1201, h2d_n: 25, d2h_n: 1 },
  vae: { launches: 100, h2d_n: 1, d2h_n: 1 },
};

async function counts(name: string): Promise<Counts> {
  const folder = await Deno.makeTempDir({ prefix: "denoise-" });
  try {
    const script = new URL("../scripts/gpu/fake/sparse_model.py", import.meta.url).pathname;
    const made = await new Deno.Command(python!, { args: [script, folder, name] }).output();
    assertEquals(made.success, true, new TextDecoder().decode(made.stderr));
    const { _class_name } = JSON.parse(await Deno.readTextFile(`${folder}/${name}/config.json`));
    const Class = await registry.get(_class_name, "model", "a test") as ModelClass;
    const options = {
      torchDtype: "float16",
      device: "cuda",
      engine: "native",
      deviceOptions: { enable_cuda_graph: false }, // which would launch all at once
    } as const;
    const model = await Class.fromPretrained(`${folder}/${name}`, options);
    const call = CALLS[name]!;
    await call(model); // what the first call uploads stays there
    const found = await counted(() => call(model));
    await model.dispose();
    return found;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Products and convolutions, which libraries launch. */
function byLibraries({ kernels }: Counts): number {
  const named = Object.entries(kernels).filter(([name]) => /^(cublas|CUDNN_)/.test(name));
  return named.reduce((sum, [, count]) => sum + count, 0);
}

describe("a call under a fake CUDA", { ignore }, () => {
  for (const [name, bounds] of Object.entries(BOUNDS)) {
    it(name, async () => {
      const found = await counts(name);
      const launches = found.launches + byLibraries(found);
      if (Deno.env.has("SHOW")) console.log(name, launches, found);
      const { h2d_n, d2h_n } = found;
      const most = {
        launches: Math.max(launches, bounds.launches),
        h2d_n: Math.max(h2d_n, bounds.h2d_n),
        d2h_n: Math.max(d2h_n, bounds.d2h_n),
      };
      assertEquals(most, bounds);
    });
  }
});
