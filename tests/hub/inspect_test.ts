import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inspect } from "@denoise/hub";
import { registry } from "@denoise/denoise/registry";
import { filesBelow } from "../support/folder.ts";
import { HubServer } from "../support/hub_server.ts";
import { tempCache } from "../support/temp_cache.ts";

const ID = "tiny/sd";
const FOLDER = new URL("../fixtures/tiny-stable-diffusion", import.meta.url).pathname;

type Header = Record<string, { shape?: number[] }>;

/** A safetensors file with another header. */
function withHeader(
  bytes: Uint8Array,
  change: (header: Header) => Header,
): Uint8Array<ArrayBuffer> {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const text = new TextEncoder().encode(JSON.stringify(change(header)));
  const changed = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  new DataView(changed.buffer).setBigUint64(0, BigInt(text.length), true);
  changed.set(text, 8);
  changed.set(bytes.subarray(8 + length), 8 + text.length);
  return changed;
}

async function setUp(edit: (files: Record<string, Uint8Array>) => void) {
  const names = await filesBelow(FOLDER);
  const files: Record<string, Uint8Array> = {};
  for (const name of names) files[name] = await Deno.readFile(`${FOLDER}/${name}`);
  edit(files);
  const server = new HubServer();
  const cache = await tempCache();
  server.addRepo(ID, files);
  return {
    options: { endpoint: server.url, cacheDir: cache.path, registry },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}

function editJson(bytes: Uint8Array, change: object): Uint8Array {
  const config = JSON.parse(new TextDecoder().decode(bytes));
  return new TextEncoder().encode(JSON.stringify({ ...config, ...change }));
}

const UNET = "unet/diffusion_pytorch_model.safetensors";

describe("inspect() with the built-in plugins", () => {
  it("finds nothing to say against a repo that works", async () => {
    await using at = await setUp(() => {});
    const report = await inspect(ID, at.options);
    assertEquals(report.isAvailable, true);
    assertEquals(report.components.flatMap(({ problems }) => problems), []);
    assert(report.components.every(({ isAvailable }) => isAvailable));
  });

  it("names a tensor that is missing, one that is too many, and an option", async () => {
    await using at = await setUp((files) => {
      files[UNET] = withHeader(files[UNET]!, (header) => {
        const { "conv_in.bias": renamed, ...rest } = header;
        return { ...rest, "conv_in.bios": renamed! };
      });
      files["scheduler/scheduler_config.json"] = editJson(
        files["scheduler/scheduler_config.json"]!,
        { beta_schedule: "cubic" },
      );
      files["model_index.json"] = editJson(files["model_index.json"]!, {
        tokenizer: ["transformers", "NoSuchTokenizer"],
      });
    });
    const { components } = await inspect(ID, at.options);
    const found = Object.fromEntries(components.map((part) => [part.role, part]));
    assertEquals(found["unet"]!.problems.length, 1);
    assert(/missing_tensor|unexpected_tensor/.test(found["unet"]!.problems[0]!.kind));
    assert(found["unet"]!.problems[0]!.message.includes("conv_in.bi"));
    assertEquals(found["scheduler"]!.problems[0]!.kind, "unsupported_option");
    assert(found["scheduler"]!.problems[0]!.message.includes("cubic"));
    assertEquals(found["tokenizer"]!.isAvailable, false);
    assertEquals(found["vae"]!.problems, []);
  });
});
