import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isLoopback, readSettings, SettingsError } from "./settings.ts";
import { settingsTable } from "./tests/settings_help.ts";
import { SETTINGS } from "./settings_table.ts";

function problems(env: Record<string, string>): readonly string[] {
  const error = assertThrows(() => readSettings(env), SettingsError);
  return (error as SettingsError).problems;
}

describe("readSettings()", () => {
  it("has defaults for everything", () => {
    const { host, port, models, keys, queueLimit, limits, engine } = readSettings({});
    assertEquals([host, port, keys, queueLimit, engine], ["127.0.0.1", 8000, [], 64, "child"]);
    assertEquals(models, [{ id: "denoise/emoji", location: "denoise/emoji", revision: undefined }]);
    assertEquals([limits.maxSteps, limits.jobTimeoutMs], [150, 600_000]);
  });

  it("reads what weights are held in", () => {
    const { torchDtype, quantization, gpuMemoryLimit } = readSettings({
      DENOISE_DTYPE: "bfloat16",
      DENOISE_QUANTIZATION: "int8",
      DENOISE_GPU_MEMORY_MB: "8000",
    });
    assertEquals([torchDtype, quantization, gpuMemoryLimit], ["bfloat16", "int8", 8e9]);
    assertEquals(readSettings({}).quantization, undefined);
    assertEquals(problems({ DENOISE_QUANTIZATION: "int2" }), [
      'DENOISE_QUANTIZATION: must be int8 or int4, but is "int2"',
    ]);
  });

  it("reads models with names of their own, and names folders by their last part", () => {
    const { models } = readSettings({ DENOISE_MODELS: "cats=/m/a, ./b/tiny/, google/ddpm, x/y/z" });
    assertEquals(models.map(({ id }) => id), ["cats", "tiny", "google/ddpm", "z"]);
    assertEquals(models.map(({ location }) => location), [
      "/m/a",
      "./b/tiny/",
      "google/ddpm",
      "x/y/z",
    ]);
  });

  it("reads pipelines that models are called by", () => {
    const DENOISE_MODELS = "edit=/m/sd, sd=/m/sd";
    const read = readSettings({
      DENOISE_MODELS,
      DENOISE_PIPELINES: "edit=StableDiffusionDiffEditPipeline",
    });
    const pipelines = read.models.map(({ pipeline }) => pipeline);
    assertEquals(pipelines, ["StableDiffusionDiffEditPipeline", undefined]);
    assertEquals(problems({ DENOISE_MODELS, DENOISE_PIPELINES: "eddit=X" }), [
      'DENOISE_PIPELINES: DENOISE_MODELS has no "eddit"',
    ]);
    const [form] = problems({ DENOISE_MODELS, DENOISE_PIPELINES: "X" });
    assertStringIncludes(form!, "must be NAME=CLASS, such as");
  });

  it("reads keys, named or not", () => {
    const { keys } = readSettings({ DENOISE_API_KEYS: "ann:0123456789, abcdefghij" });
    assertEquals(keys, [{ name: "ann", key: "0123456789" }, { name: "key-2", key: "abcdefghij" }]);
  });

  it("reads keys with quotas from a file, and says what is wrong with it", async () => {
    const path = await Deno.makeTempFile();
    const key = { name: "ann", key: "0123456789", places: 3, priority: "batch" };
    await Deno.writeTextFile(path, JSON.stringify([key]));
    const { keys } = readSettings({ DENOISE_KEYS: path });
    assertEquals([keys[0]!.name, keys[0]!.quota!.places, keys[0]!.quota!.priority], [
      "ann",
      3,
      "batch",
    ]);
    for (
      const wrong of [
        "{",
        "[1]",
        JSON.stringify([{ ...key, placse: 1 }]),
        JSON.stringify([key, key]),
      ]
    ) {
      await Deno.writeTextFile(path, wrong);
      assertEquals(problems({ DENOISE_KEYS: path }).length, 1, wrong);
      assert(!problems({ DENOISE_KEYS: path })[0]!.includes("0123456789"));
    }
    await Deno.remove(path);
  });

  it("takes PORT where DENOISE_PORT is not set", () => {
    assertEquals(readSettings({ PORT: "80" }).port, 80);
    assertEquals(readSettings({ PORT: "80", DENOISE_PORT: "81" }).port, 81);
  });

  it("says every mistake in one line", () => {
    const wrong: Record<string, string> = {
      DENOISE_PORT: "http",
      DENOISE_QUEUE_LIMIT: "0",
      DENOISE_ENGINE: "thread",
      DENOISE_DEVICE: "gpu",
      DENOISE_API_KEYS: "short",
      DENOISE_CORS_ORIGINS: "example.com",
      DENOISE_PUBLIC_URL: "here",
      DENOISE_STORAGE: "s3+https://host",
      DENOISE_MODELS: "a=x,a=y",
      DENOISE_MODLES: "x",
    };
    const found = problems(wrong);
    assertEquals(found.length, Object.keys(wrong).length);
    for (const name of Object.keys(wrong)) {
      assert(found.some((line) => line.startsWith(`${name}: `)), name);
    }
    assert(found.every((line) => !line.includes("\n")));
    assert(!found.join().includes("short"), "a key is not shown");
    assertEquals(problems({ DENOISE_STORAGE: "s3+https://host/b" }).length, 1);
  });

  it("reads nothing that the table does not tell of, and everything that it does", async () => {
    const source = await Deno.readTextFile(new URL("settings.ts", import.meta.url));
    const read = new Set(source.match(/(?<=")DENOISE_[A-Z0-9_]+(?=")/g));
    assertEquals([...read].sort(), SETTINGS.map(({ name }) => name).sort());
  });
});

describe("README.md", () => {
  it("has the table of settings", async () => {
    const path = new URL("README.md", import.meta.url);
    const text = await Deno.readTextFile(path);
    const between = /(?<=<!-- settings -->\n)[\s\S]*(?=<!-- \/settings -->)/;
    assertEquals(text.match(between)?.[0], `${settingsTable()}\n`);
  });
});

describe("isLoopback()", () => {
  it("tells what others cannot reach", () => {
    assertEquals(
      ["127.0.0.1", "127.1.2.3", "localhost", "::1"].map(isLoopback),
      Array(4).fill(true),
    );
    assertEquals(
      ["0.0.0.0", "::", "10.0.0.1", "example.com"].map(isLoopback),
      Array(4).fill(false),
    );
  });
});
