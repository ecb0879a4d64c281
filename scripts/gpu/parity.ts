/**
 * `parity.ts OUT DEVICE DTYPE SHARD/SHARDS [LOAD] [MODELS]`: calls the models of tests/fixtures, or those
 * named by parts of their names with commas in between, as the reference called them and writes a line of
 * JSON for each call: how far the outputs are apart.
 *
 * @module
 */
import type { LoadOptions, Model, ModelClass, TorchDtype } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { fixture, readGolden } from "../../tests/support/golden.ts";
import { compareCall, MODEL_CLASSES, type ModelGolden } from "../../tests/support/models.ts";
import { lines } from "./lines.ts";

/** One call on the device. */
export interface ParityLine {
  /** Such as `UNet2DModel/ddpm`. */
  readonly model: string;
  readonly case: string;
  readonly dtype: TorchDtype;
  /** The largest difference of an output, relative to its largest number. */
  readonly relative?: number;
  /** Why there is none. */
  readonly error?: string;
}

function models(): string[] {
  return MODEL_CLASSES.filter((name) => registry.has(name)).flatMap((className) =>
    [...Deno.readDirSync(fixture(`models/${className}`))]
      .map(({ name }) => `${className}/${name}`).sort()
  );
}

/** The calls of a model, all on one loaded model. */
async function compare(
  id: string,
  options: LoadOptions,
  write: (line: ParityLine) => void,
): Promise<void> {
  const golden: ModelGolden = await readGolden(`models/${id}`);
  const dtype = options.torchDtype ?? "float32";
  const cases = golden.head.cases.filter((call) => (call.dtype ?? dtype) === dtype);
  let model: Model | undefined;
  for (const call of cases) {
    const line = { model: id, case: call.name, dtype };
    try {
      const Class = await registry.get(id.split("/")[0]!, "model", "the kit") as ModelClass;
      model ??= await Class.fromPretrained(fixture(`models/${id}`), options);
      const relative = Math.max(...Object.values(await compareCall(model, call, golden)));
      if (!Number.isFinite(relative)) throw new Error("it gives what is not a number");
      write({ ...line, relative });
    } catch (error) {
      write({ ...line, error: `${(error as Error).message}`.slice(0, 400) });
    }
  }
  await model?.dispose();
}

if (import.meta.main) {
  const [out, device, dtype, shard = "0/1", load = "{}", names = ""] = Deno.args;
  const [index, count] = shard.split("/").map(Number);
  const options = { device, torchDtype: dtype, ...JSON.parse(load) } as LoadOptions;
  using file = lines<ParityLine>(out!);
  const wanted = models().filter((id) => names.split(",").some((name) => id.includes(name)));
  const mine = wanted.filter((_, at) => at % count! === index);
  for (const id of mine) await compare(id, options, file.write);
}
