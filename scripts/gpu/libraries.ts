/**
 * `deno task gpu:libraries [WHEEL]`: lays onnxruntime's providers for NVIDIA GPUs where onnxruntime looks
 * for them. They are in the Python package onnxruntime-gpu of the same version, whose wheel pip fetches
 * unless it is given; neither Python nor pip is needed afterwards.
 *
 * @module
 */
import { unzipSync } from "fflate";
import { neededLibraries, providerFolder } from "@denoise/onnx/libraries";

/** The version of onnxruntime-node: another one's providers do not load. */
const PACKAGE = "onnxruntime-gpu==1.30.*";
const LIBRARY = /(?:^|\/)(libonnxruntime_providers_(?:shared|cuda|tensorrt)\.so)$/;

/** Fetches the wheel; it fits every Python, as only its libraries are used. */
async function fetchWheel(folder: string): Promise<string> {
  const platforms = ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64"];
  const { success } = await new Deno.Command("python3", {
    args: ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder]
      .concat(
        "--python-version",
        "3.12",
        platforms.flatMap((name) => ["--platform", name]),
        PACKAGE,
      ),
  }).output().catch(() => ({ success: false }));
  const wheel = [...Deno.readDirSync(folder)].find(({ name }) => name.endsWith(".whl"));
  if (!success || wheel === undefined) {
    throw new Error(
      `Cannot fetch ${PACKAGE} with "python3 -m pip download". Fetch its wheel for Linux on x64 ` +
        "another way and give its path: deno task gpu:libraries WHEEL",
    );
  }
  return `${folder}/${wheel.name}`;
}

/** Lays the libraries of a wheel into a folder; what each needs of the system, by its name. */
export async function layLibraries(
  wheel: string,
  folder: string,
): Promise<Record<string, string[]>> {
  const files = unzipSync(await Deno.readFile(wheel), { filter: ({ name }) => LIBRARY.test(name) });
  const needs: Record<string, string[]> = {};
  for (const [path, bytes] of Object.entries(files)) {
    const name = LIBRARY.exec(path)![1]!;
    await Deno.writeFile(`${folder}/${name}`, bytes);
    needs[name] = await neededLibraries(`${folder}/${name}`);
  }
  if (!("libonnxruntime_providers_cuda.so" in needs)) {
    throw new Error(`${wheel} holds no CUDA provider; a wheel of ${PACKAGE} is needed`);
  }
  return needs;
}

if (import.meta.main) {
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") {
    console.error(`The providers are for Linux on x64 alone; this is ${Deno.build.target}`);
    Deno.exit(1);
  }
  const temporary = await Deno.makeTempDir({ prefix: "denoise-" });
  try {
    const wheel = Deno.args[0] ?? await fetchWheel(temporary);
    const folder = providerFolder();
    for (const [name, needs] of Object.entries(await layLibraries(wheel, folder))) {
      const others = needs.filter((need) => /cuda|cu(blas|rand|dnn|fft)|nv/.test(need));
      console.log(`${folder}/${name}${others.length > 0 ? ` needs ${others.join(", ")}` : ""}`);
    }
    console.log('"deno task denoise doctor" says what is missing still');
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}
