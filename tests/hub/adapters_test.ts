/**
 * Adapters by the ids of repos, on a Hub of this machine: what is fetched, and what is said to repos without such a file.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { DenoiseError, StableDiffusionPipeline } from "@denoise/denoise";
import { fixture } from "../support/golden.ts";
import { HubServer } from "../support/hub_server.ts";
import { copyAsTorch } from "../support/torch_file.ts";

const GOLDEN = fixture("../golden");
const CALL = { numInferenceSteps: 2, height: 32, width: 32, seed: 3 };
const image = Tensor.full([1, 3, 16, 16], 0.3);

const bytesOf = (path: string): Promise<Uint8Array<ArrayBuffer>> => Deno.readFile(path);

describe("adapters of the Hub", () => {
  let hub: HubServer;
  let cacheDir: string;
  let where: { readonly endpoint: string; readonly cacheDir: string };
  let pipe: StableDiffusionPipeline;
  beforeEach(async () => {
    hub = new HubServer();
    cacheDir = await Deno.makeTempDir();
    where = { endpoint: hub.url, cacheDir };
    pipe = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"));
  });
  afterEach(async () => {
    await pipe.dispose();
    await hub[Symbol.asyncDispose]();
    await Deno.remove(cacheDir, { recursive: true });
  });
  const draw = async (more: object = {}, prompt = "a cat") =>
    (await pipe(prompt, { ...CALL, ...more })).images[0]!.data;
  /** Names of the files whose bytes were asked for. */
  const fetched = () =>
    [
      ...new Set(
        hub.requests.filter(({ path }) => path.includes("/resolve/"))
          .map(({ path }) =>
            decodeURIComponent(path.split("/resolve/")[1]!).replace(/^[^/]+\//, "")
          ),
      ),
    ].sort();

  it("loadIpAdapter() fetches the file and the image encoder beside it, and nothing else", async () => {
    const adapters = fixture("ip_adapter");
    const encoder = {
      "config.json": await bytesOf(`${adapters}/image_encoder/config.json`),
      "model.safetensors": await bytesOf(`${adapters}/image_encoder/model.safetensors`),
      "pytorch_model.bin": new Uint8Array(9),
    };
    const pickled = await Deno.makeTempFile({ suffix: ".bin" });
    await copyAsTorch(`${adapters}/plain.safetensors`, pickled);
    hub.addRepo("h94/IP-Adapter", {
      "README.md": "an adapter",
      "models/ip-adapter_sd15.safetensors": await bytesOf(`${adapters}/plain.safetensors`),
      "models/ip-adapter_sd15.bin": await bytesOf(pickled),
      "models/ip-adapter-plus_sd15.safetensors": await bytesOf(`${adapters}/plus.safetensors`),
      "sdxl_models/ip-adapter_sdxl.safetensors": await bytesOf(`${adapters}/plain-xl.safetensors`),
      ...Object.fromEntries(
        Object.entries(encoder).map(([name, bytes]) => [`models/image_encoder/${name}`, bytes]),
      ),
    });
    const file = { subfolder: "models", weightName: "ip-adapter_sd15.safetensors" };
    await pipe.loadIpAdapter("h94/IP-Adapter", { ...file, ...where });
    assertEquals(fetched(), [
      "models/image_encoder/config.json",
      "models/image_encoder/model.safetensors",
      "models/ip-adapter_sd15.safetensors",
    ]);
    const made = await draw({ ipAdapterImage: image });
    hub.reset(); // the encoder stays, so that only the adapter is looked for
    await pipe.loadIpAdapter("h94/IP-Adapter", { ...file, ...where, localFilesOnly: true });
    assertEquals(hub.requests.length, 0);
    assertEquals(await draw({ ipAdapterImage: image }), made);
    await pipe.unloadIpAdapter();
    await pipe.loadIpAdapter(adapters, { weightName: "plain.safetensors" });
    assertEquals(await draw({ ipAdapterImage: image }), made);

    const load = (weightName?: string) =>
      pipe.loadIpAdapter("h94/IP-Adapter", { subfolder: "models", weightName, ...where });
    await load("ip-adapter_sd15.bin"); // a file of torch, where it is asked for by its name
    assertEquals(fetched(), ["models/ip-adapter_sd15.bin"]);
    assertEquals(await draw({ ipAdapterImage: image }), made);
    await Deno.remove(pickled);
    hub.reset();
    const lacking = await assertRejects(() => load("no.safetensors"), DenoiseError);
    assertEquals(lacking.code, "missing_file");
    assert(lacking.message.includes("models/no.safetensors of h94/IP-Adapter: there is no such"));
    await assertRejects(() => load(), TypeError, "say which file as weightName");
    assertEquals(fetched(), []);
  });

  it("loadLoraWeights() fetches the file of that name, or the usual one, with what PEFT says of it", async () => {
    const lora = await bytesOf(`${GOLDEN}/lora/peft.safetensors`);
    hub.addRepo("me/pixel-art", { "README.md": "", "pytorch_lora_weights.safetensors": lora });
    hub.addRepo("me/many", {
      "a/one.safetensors": lora,
      "a/two.safetensors": await bytesOf(`${GOLDEN}/lora/kohya.safetensors`),
    });
    const before = await draw();
    await pipe.loadLoraWeights("me/pixel-art", where);
    const made = await draw();
    assert(made.some((x, i) => x !== before[i]));
    assertEquals(fetched(), ["pytorch_lora_weights.safetensors"]);
    await pipe.unloadLoraWeights();
    const many = { subfolder: "a", ...where };
    const error = await assertRejects(() => pipe.loadLoraWeights("me/many", many), DenoiseError);
    assert(error.message.includes("it has one.safetensors, two.safetensors; give weightName"));
    await pipe.loadLoraWeights("me/many", { ...many, weightName: "one.safetensors" });
    assertEquals(await draw(), made);
    await assertRejects(
      () => pipe.loadLoraWeights("me/no-such", where),
      DenoiseError,
      "me/no-such",
    );
  });

  it("loadTextualInversion() fetches with a token of the Hub, since token is the word", async () => {
    const file = await bytesOf(`${GOLDEN}/textual_inversion/learned_embeds.safetensors`);
    hub.addRepo("sd-concepts-library/cat-toy", { "learned_embeds.safetensors": file }, {
      token: "hf_secret",
    });
    const load = (more: object) =>
      pipe.loadTextualInversion("sd-concepts-library/cat-toy", {
        token: "<cat-toy>",
        ...where,
        ...more,
      });
    await assertRejects(() => load({}), DenoiseError);
    assertEquals(await load({ hfToken: "hf_secret" }), ["<cat-toy>"]);
    const made = await draw({}, "a <cat-toy> on a table");
    await pipe.unloadTextualInversion();
    await pipe.loadTextualInversion(`${GOLDEN}/textual_inversion`, { token: "<cat-toy>" });
    assertEquals(await draw({}, "a <cat-toy> on a table"), made);
  });
});
