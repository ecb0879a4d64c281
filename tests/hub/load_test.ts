import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { prefetch } from "@denoise/hub";
import { fileURLToPath } from "node:url";
import { HubServer } from "../support/hub_server.ts";
import { tempCache } from "../support/temp_cache.ts";

const FOLDER = fileURLToPath(new URL("../fixtures/tiny-ddpm", import.meta.url));
const OFFLINE = ["-R", "-W", "-E", "-S", "--allow-ffi", "--deny-net"];

/** Makes an image in a process of its own; gives its numbers. */
async function image(id: string, env: Record<string, string>): Promise<number[]> {
  const script = `import { DiffusionPipeline } from "@denoise/denoise";
    const pipe = await DiffusionPipeline.fromPretrained(${JSON.stringify(id)});
    const { tensor } = await pipe({ numInferenceSteps: 2, seed: 0, outputType: "tensor" });
    console.log(JSON.stringify([...tensor.data]));`;
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-check", "--cached-only", "--config", config],
      ...OFFLINE,
      "-",
    ],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout).trim();
  assert(text.startsWith("["), new TextDecoder().decode(stderr));
  return JSON.parse(text) as number[];
}

describe("fromPretrained() of a cached repo", () => {
  it("reads the weights in place through the cache's symlinks, with the network denied", async () => {
    await using server = new HubServer();
    await using cache = await tempCache();
    await server.addFolder("tiny/ddpm", FOLDER);
    const { path } = await prefetch("tiny/ddpm", { endpoint: server.url, cacheDir: cache.path });
    const weights = `${path}/unet/diffusion_pytorch_model.safetensors`;
    assert((await Deno.lstat(weights)).isSymlink);
    server.reset();
    const fromCache = await image("tiny/ddpm", {
      HF_HUB_CACHE: cache.path,
      HF_ENDPOINT: server.url,
      HF_HUB_OFFLINE: "1",
    });
    assertEquals(server.requests.length, 0);
    assertEquals(fromCache, await image(FOLDER, {}));
    assert((await Deno.lstat(weights)).isSymlink, "the cache is as it was");
  });
});
