import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import config from "../deno.json" with { type: "json" };
import { permissionsOf, type ProgramName } from "./permissions.ts";
import { HubServer } from "../tests/support/hub_server.ts";
import { post } from "./tests/app.ts";
import { TINY } from "./tests/jobs.ts";
import { endOfModule, startProgram, untilReady } from "./tests/programs.ts";

const PROGRAMS: readonly ProgramName[] = ["serve", "edge", "worker"];
const trespasser = new URL("./tests/trespasser.ts", import.meta.url);

/** What one flag allows. */
function allowed(flags: readonly string[], kind: string): string[] | undefined {
  const flag = flags.find((one) => one.startsWith(`--allow-${kind}`));
  return flag?.split("=")[1]?.split(",") ?? (flag === undefined ? undefined : []);
}

describe("permissionsOf()", () => {
  it("lets programs reach what they are set to, and write, ask and run nothing else", async () => {
    const redis = { DENOISE_REDIS_URL: "redis://127.0.0.1:7001" };
    for (const program of PROGRAMS) {
      const flags = permissionsOf(program, program === "serve" ? {} : redis);
      const { code, output, errors } = await endOfModule(trespasser, {}, ["--no-prompt", ...flags]);
      assertEquals([code, output], [0, ""], errors);
    }
  });

  it("follow from the settings", () => {
    const of = (env: Record<string, string>, program: ProgramName = "serve") =>
      permissionsOf(program, { HOME: "/home/x", ...env });
    assertEquals(allowed(of({}), "net"), ["127.0.0.1:8000"]);
    const anyPort = of({ DENOISE_PORT: "0", DENOISE_PROBE_PORT: "81" });
    assertEquals(allowed(anyPort, "net"), ["127.0.0.1", "127.0.0.1:81"], "a server asks itself");
    assertEquals(allowed(of({}), "write"), undefined);
    assertEquals(allowed(of({}), "sys"), undefined);
    assertEquals(allowed(of({}), "run"), [Deno.execPath()]);
    const wide = of({
      DENOISE_HOST: "0.0.0.0",
      DENOISE_API_KEYS: "key-of-ann",
      DENOISE_PORT: "80",
      DENOISE_PROBE_PORT: "81",
      DENOISE_MODELS: "a=/models/a,b=~/b,owner/name",
      DENOISE_STORAGE: "/results",
      DENOISE_ENGINE_MEMORY_MB: "4000",
      HF_HOME: "/cache/hf",
      DENOISE_MIRROR: "https://mirror.example/x",
      DENOISE_PLUGINS: "/plugins/one.ts,jsr:@you/x",
    });
    assertEquals(allowed(wide, "net"), [
      "0.0.0.0:80",
      "0.0.0.0:81",
      "huggingface.co",
      "*.huggingface.co",
      "*.hf.co",
      "mirror.example:443",
    ]);
    assertEquals(allowed(wide, "write"), ["/results", "/cache/hf", "/home/x/.cache/denoise"]);
    assertEquals(allowed(wide, "run"), [Deno.execPath(), "prlimit"]);
    assertEquals(allowed(wide, "import"), ["jsr.io"]);
    for (const folder of ["/models/a", "/home/x/b", "/plugins/", "/results", "/cache/hf"]) {
      assert(allowed(wide, "read")!.includes(folder), folder);
    }
    const bucket = {
      DENOISE_REDIS_URL: "rediss://queue",
      DENOISE_STORAGE: "s3+https://s3.example/bucket",
      DENOISE_S3_KEY_ID: "a",
      DENOISE_S3_SECRET: "b",
    };
    assertEquals(allowed(of(bucket, "edge"), "net"), [
      "127.0.0.1:8000",
      "queue:6379",
      "s3.example:443",
    ]);
    assertEquals(allowed(of(bucket, "edge"), "run"), undefined);
    const hooks = of({ DENOISE_WEBHOOK_SECRET: `whsec_${btoa("x".repeat(24))}` });
    assertEquals(allowed(hooks, "net"), [], "callers name where webhooks go");
    assert(hooks.includes("--deny-net=10.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.168.0.0/16"));
  });

  it("are what the tasks start with, also where settings are wrong", () => {
    for (const program of PROGRAMS) {
      const { command } = config.tasks[program];
      assert(command.includes(`functions/permissions.ts ${program})`), command);
      assert(!/--allow-(net|write|sys|run)\b/.test(command), command);
      assertEquals(permissionsOf(program, { DENOISE_PORT: "many" }), [
        "--allow-env",
        "--allow-read",
      ]);
    }
  });

  it("let a server fetch its model from the Hub that is set, and keep it", async () => {
    await using hub = new HubServer();
    await hub.addFolder("owner/tiny", TINY);
    const home = await Deno.makeTempDir();
    try {
      await using server = await startProgram("serve", {
        DENOISE_MODELS: "owner/tiny",
        DENOISE_PORT: "0",
        DENOISE_LOG_LEVEL: "error",
        HF_ENDPOINT: hub.url,
        HF_HOME: home,
        DENOISE_CACHE: `${home}/denoise`,
      });
      await server.alive(untilReady(server.url));
      const body = { prompt: "a cat", num_inference_steps: 2 };
      const made = await server.alive(fetch(`${server.url}/v1/images/generations`, post(body)));
      assertEquals(made.status, 200, await made.text());
      assert((await Deno.stat(`${home}/hub/models--owner--tiny`)).isDirectory);
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  });
});
