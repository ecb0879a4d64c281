import { assert, assertEquals } from "@std/assert";
import { dirname } from "node:path";
import { describe, it } from "@std/testing/bdd";
import { createMetrics } from "./observe/metrics.ts";
import { namesUnder } from "./queue/redis/names.ts";
import { SETTINGS } from "./settings_table.ts";
import { FakeEngine } from "./tests/fake_engine.ts";
import { TINY } from "./tests/jobs.ts";
import { startCommand, untilReady } from "./tests/programs.ts";

const ROOT = new URL("../", import.meta.url);

/** Modules that a file names, by their paths in the repository. */
async function modulesIn(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(path, ROOT));
  return [...text.matchAll(/(?<=[\s"])[\w./-]+\.ts\b/g)].map(([name]) => name);
}

describe("files to deploy", () => {
  for (const path of ["functions/deploy/Dockerfile", "functions/deploy/Dockerfile.gpu"]) {
    it(`${path} names modules that are there`, async () => {
      const modules = await modulesIn(path);
      assert(modules.includes("functions/main.ts"), `${modules}`);
      const found = await Promise.all(
        modules.map((name) =>
          Deno.stat(new URL(name, ROOT)).then(({ isFile }) => isFile, () => false)
        ),
      );
      assertEquals(modules.filter((_, i) => !found[i]), []);
    });
  }

  it("name settings that there are", async () => {
    const known = SETTINGS.map(({ name }) => name);
    for await (const { name: file, isFile } of Deno.readDir(new URL("deploy/", import.meta.url))) {
      if (!isFile) continue;
      const text = await Deno.readTextFile(new URL(`deploy/${file}`, import.meta.url));
      const named = [...text.matchAll(/\bDENOISE_[A-Z0-9_]+/g)].map(([name]) => name);
      assertEquals(named.filter((name) => !known.includes(name)), [], file);
    }
  });

  it("names metrics that there are, in dashboards, alerts and what scales by them", async () => {
    const engine = new FakeEngine();
    const byModel = [{ model: "fake", waiting: 1, running: 1, runMs: 1 }];
    const devices = [{ device: "0:cpu", phase: "ready", runs: 0, heldBytes: 0 }] as const;
    const models = Object.assign(Object.create(engine), { devices });
    const metrics = createMetrics({ process: true });
    const text = await metrics.text({ waiting: 1, running: 1, byModel, models });
    const known = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
    for (const file of ["grafana.json", "prometheus-rules.yaml", "keda.yaml"]) {
      const content = await Deno.readTextFile(new URL(`deploy/${file}`, import.meta.url));
      const named = [...content.matchAll(/\b(?:denoise|nodejs)_[a-z_0-9]+/g)]
        .map(([name]) => name.replace(/_bucket$/, ""));
      assert(named.length > 0, file);
      assertEquals(named.filter((name) => !known.has(name)), [], file);
    }
    const dashboard = await Deno.readTextFile(new URL("deploy/grafana.json", import.meta.url));
    const { panels } = JSON.parse(dashboard);
    assert(panels.length >= 10);
    const keda = await Deno.readTextFile(new URL("deploy/keda.yaml", import.meta.url));
    assert(keda.includes(`listName: ${namesUnder("denoise").wake("")}`), "the list is Redis'");
  });

  it("start a server with the permissions of its settings", async () => {
    const env = { DENOISE_MODELS: `tiny=${TINY}`, DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" };
    await using server = await startCommand(
      ["sh", "functions/deploy/start.sh", "serve"],
      { ...env, PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}` },
    );
    await server.alive(untilReady(server.url));
    const line = await Deno.readTextFile(`/proc/${server.process.pid}/cmdline`).catch(() => "");
    if (line !== "") assert(line.includes("--allow-net=127.0.0.1\0"), line);
    server.process.kill("SIGTERM");
    assertEquals((await server.process.status).code, 0);
  });

  it("have the same denials everywhere", async () => {
    const read = (file: string) => Deno.readTextFile(new URL(`deploy/${file}`, import.meta.url));
    for (const file of ["Dockerfile", "Dockerfile.gpu"]) {
      const text = await read(file);
      assert(text.includes('ENTRYPOINT ["sh", "functions/deploy/start.sh"]'), file);
      assert(!text.includes("--allow-net") && text.includes("USER denoise"), file);
    }
    const compose = await read("compose.yaml");
    const services = compose.split("\nservices:\n")[1]!.split(/\n {2}(?=\w+:\n)/);
    for (const name of ["redis", "edge", "worker"]) {
      const service = services.find((text) => text.trim().startsWith(`${name}:`));
      assert(service?.includes("<<: *denied"), name);
    }
    for (const file of ["kubernetes.yaml", "kubernetes-fleet.yaml"]) {
      const text = await read(file);
      for (const word of ["readOnlyRootFilesystem: true", "drop: [ALL]", "NetworkPolicy"]) {
        assert(text.includes(word), `${file}: ${word}`);
      }
    }
  });
});
