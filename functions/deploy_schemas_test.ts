/**
 * Files to deploy, by the schemas and programs of those who read them: Kubernetes, Compose, KEDA, Grafana,
 * Prometheus. Each is also asked about a file with a mistake, which shows that it looks.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";
import { type PythonPackages, pythonPackages } from "../tests/support/python_programs.ts";
import { hasProgram, type Ran, runProgram } from "../tests/support/programs.ts";

/** The versions that were tried; the first has the schemas of Kubernetes 1.37, the second Compose's and GitHub's. */
const PYTHON = ["kubernetes-validate==1.37.0", "check-jsonschema==0.39.0", "pyyaml==6.0.4"];
const GRAFANA = "npm:@grafana/schema@13.2.3";
const KEDA = "npm:@kubernetes-models/keda@2.0.0/keda.sh/v1alpha1";

const LONGEST_MS = 300_000;
const FOLDER = fileURLToPath(new URL("./deploy/", import.meta.url));
const read = (file: string) => Deno.readTextFile(`${FOLDER}${file}`);

async function using(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a test with a file that has that text. */
async function usingFile(text: string, test: (path: string) => Promise<void>): Promise<void> {
  await using(async (folder) => {
    const path = `${folder}/written.yaml`;
    await Deno.writeTextFile(path, text);
    await test(path);
  });
}

/** Runs a test with the packages of Python, where they can be had. */
async function withPython(test: (python: PythonPackages) => Promise<void>): Promise<void> {
  const modules = ["kubernetes_validate", "check_jsonschema", "yaml"];
  const python = await pythonPackages("deploy-schemas", PYTHON, modules);
  if (python !== undefined) await test(python);
}

/** That a program takes files, and does not take the first with a mistake in it. */
async function takes(
  check: (paths: readonly string[]) => Promise<Ran>,
  paths: readonly string[],
  ...mistakes: readonly (readonly [right: string, wrong: string])[]
): Promise<void> {
  const { success, output } = await check(paths);
  assert(success, output);
  const text = await Deno.readTextFile(paths[0]!);
  for (const [right, wrong] of mistakes) {
    await usingFile(mistaken(text, right, wrong), async (path) => {
      assert(!(await check([path])).success, `${paths[0]} is taken with ${wrong}`);
    });
  }
}

describe("files to deploy", () => {
  it("are what Kubernetes reads", async () => {
    await withPython(async (python) => {
      const check = (paths: readonly string[]) =>
        python.run("kubernetes-validate", ["--strict", ...paths], LONGEST_MS);
      const files = ["kubernetes.yaml", "kubernetes-fleet.yaml"].map((file) => FOLDER + file);
      const mistake = ["readOnlyRootFilesystem", "readOnlyRootFileSystem"] as const;
      await takes(check, files, mistake, ["port: 9000 }", "port: true }"]);
    });
  });

  it("are what Compose and GitHub read", async () => {
    await withPython(async (python) => {
      const as = (schema: string) => (paths: readonly string[]) =>
        python.run("check-jsonschema", ["--builtin-schema", schema, ...paths], LONGEST_MS);
      const compose = as("vendor.compose-spec");
      await takes(compose, [`${FOLDER}compose.yaml`], ["mem_limit", "memory_limit"]);
      const folder = fileURLToPath(new URL("../.github/workflows/", import.meta.url));
      const workflows = [...Deno.readDirSync(folder)].map(({ name }) => folder + name);
      await takes(as("vendor.github-workflows"), workflows, ["runs-on", "runs-at"]);
    });
  });

  it("are what KEDA and Grafana read", async () => {
    await withPython(async (python) => {
      const toJson =
        "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
      const keda = await python.run("python", ["-c", toJson, `${FOLDER}keda.yaml`], LONGEST_MS);
      assert(keda.success, keda.output);
      const dashboard = await read("grafana.json");
      const right: readonly Typed[] = [
        ["IScaledObject", KEDA, keda.output],
        ["Dashboard", GRAFANA, dashboard],
      ];
      const wrong: readonly Typed[] = [
        ["IScaledObject", KEDA, mistaken(keda.output, "maxReplicaCount", "maxReplicas")],
        ["Dashboard", GRAFANA, mistaken(dashboard, '"refresh"', '"refreshEvery"')],
        ["Dashboard", GRAFANA, mistaken(dashboard, '"overrides": []', '"overrides": 0')],
      ];
      await using(async (folder) => {
        await Deno.writeTextFile(`${folder}/deno.json`, "{}");
        const fetched = await denoIn(folder, "cache", GRAFANA, KEDA);
        if (!fetched.success) {
          console.log("KEDA and Grafana are left out: their schemas cannot be fetched from npm");
          return;
        }
        const taken = await typeCheck(folder, right);
        assert(taken.success, taken.output);
        const refused = await typeCheck(folder, wrong);
        assert(!refused.success, "a file with a mistake is taken");
        for (const i of wrong.keys()) {
          assert(refused.output.includes(`file_${i}.ts:`), `mistake ${i}: ${refused.output}`);
        }
      });
    });
  });
});

/** JSON that is to have a type of a module. */
type Typed = readonly [type: string, module: string, text: string];

/** The types of some JSON, all that there are of it: a field of another name is an error. */
async function typeCheck(folder: string, all: readonly Typed[]) {
  const files = await Promise.all(all.map(async ([type, module, text], i) => {
    const file = `file_${i}.ts`;
    const source =
      `import type { ${type} } from "${module}";\nexport const it: ${type} = ${text};\n`;
    await Deno.writeTextFile(`${folder}/${file}`, source);
    return file;
  }));
  return await denoIn(folder, "check", ...files);
}

async function denoIn(folder: string, command: string, ...args: readonly string[]) {
  return await runProgram(Deno.execPath(), [command, "--quiet", ...args], folder, LONGEST_MS);
}

function mistaken(text: string, right: string, wrong: string): string {
  assert(text.includes(right), `there is no ${right}`);
  return text.replace(right, wrong);
}

/** An alert, series for which it is told of, and some for which it is not. */
interface Alert {
  readonly name: string;
  readonly fires: Readonly<Record<string, string>>;
  readonly quiet: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
}

const DEPTH = 'denoise_model_queue_depth{model="a",instance="e1"}';
const ENGINES = 'denoise_model_engines{model="a",instance="e1"}';
const WAIT = 'denoise_model_wait_seconds{model="a",instance="e1"}';
const RESTARTS = 'denoise_engine_restarts_total{instance="w1"}';
const DEVICE = 'denoise_device_ready{device="0:cuda:0",instance="w1"}';
const OK = 'denoise_requests_total{outcome="ok",door="openai"}';
const FAILED = 'denoise_requests_total{outcome="failed",door="openai"}';
const NAN = 'denoise_nan_outputs_total{model="a",instance="w1"}';

/** What an hour of each looks like, by the minute. */
const ALERTS: readonly Alert[] = [
  {
    name: "DenoiseModelHasNoEngine",
    fires: { [DEPTH]: "1x60", [ENGINES]: "0x60" },
    quiet: { [DEPTH]: "9x60", [ENGINES]: "1x60" },
    labels: { model: "a" },
    summary: "Jobs wait for a, and no engine takes them",
  },
  {
    name: "DenoiseWaitIsLong",
    fires: { [WAIT]: "121x60" },
    quiet: { [WAIT]: "119x60" },
    labels: { model: "a" },
    summary: "A job for a waits 121 seconds",
  },
  {
    name: "DenoiseEngineIsRestarted",
    fires: { [RESTARTS]: "0+1x60" },
    quiet: { [RESTARTS]: "5x60" },
    labels: { instance: "w1" },
    summary: "The engine of w1 was started again 15 times in a quarter of an hour",
  },
  {
    name: "DenoiseDeviceIsDown",
    fires: { [DEVICE]: "0x60" },
    quiet: { [DEVICE]: "1x60" },
    labels: { device: "0:cuda:0", instance: "w1" },
    summary: "0:cuda:0 of w1 is not ready",
  },
  {
    name: "DenoiseFails",
    fires: { [OK]: "0+90x60", [FAILED]: "0+10x60" },
    quiet: { [OK]: "0+99x60", [FAILED]: "0+1x60" },
    labels: {},
    summary: "More than one reply of twenty is a failure of the server",
  },
  {
    name: "DenoiseMakesNaN",
    fires: { [NAN]: "0x30 1x30" },
    quiet: { [NAN]: "3x60" },
    labels: { model: "a", instance: "w1" },
    summary: "a made NaN: use another precision",
  },
];

describe("files for Prometheus", { ignore: !await hasProgram("promtool") }, () => {
  const promtool = (...args: readonly string[]) => runProgram("promtool", args, FOLDER, LONGEST_MS);

  it("are what it reads, and so is what dashboards and KEDA ask it", async () => {
    const checkAs = (kind: string) => (paths: readonly string[]) =>
      promtool("check", kind, ...paths);
    const config = [`${FOLDER}prometheus.yaml`];
    await takes(checkAs("config"), config, ["scrape_interval", "scrape_every"]);
    const rules = [`${FOLDER}prometheus-rules.yaml`];
    await takes(checkAs("rules"), rules, ["max by (model)", "max by model)"]);
    const { panels } = JSON.parse(await read("grafana.json")) as {
      panels: { targets?: { expr: string }[] }[];
    };
    const ofDashboard = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    const ofKeda = (await read("keda.yaml")).match(/(?<=query: ).*/g) ?? [];
    assert(ofDashboard.length > 10 && ofKeda.length === 1);
    const asked = [...ofDashboard, ...ofKeda]
      .map((expr) => expr.replace("$__rate_interval", "5m").replace("$instance", ".*"));
    const records = asked.map((expr, i) => ({ record: `asked:${i}`, expr }));
    const groups = [{ name: "asked", rules: records }];
    await usingFile(JSON.stringify({ groups }), async (path) => {
      await takes(checkAs("rules"), [path], ["sum by (", "sum by "]);
    });
  });

  it("warn of what they say, and of nothing else", async () => {
    const tests = ALERTS.flatMap(({ name, fires, quiet, labels, summary }) =>
      [fires, quiet].map((series) => ({
        interval: "1m",
        input_series: Object.entries(series).map(([series, values]) => ({ series, values })),
        alert_rule_test: [{
          eval_time: "1h",
          alertname: name,
          exp_alerts: series === quiet
            ? []
            : [{ exp_labels: labels, exp_annotations: { summary } }],
        }],
      }))
    );
    const named = [...(await read("prometheus-rules.yaml")).matchAll(/alert: (\w+)/g)];
    assertEquals(ALERTS.map(({ name }) => name), named.map(([, name]) => name));
    const rule_files = [`${FOLDER}prometheus-rules.yaml`];
    const all = { rule_files, evaluation_interval: "1m", tests };
    await usingFile(JSON.stringify(all), async (path) => {
      const { success, output } = await promtool("test", "rules", path);
      assert(success, output);
    });
  });
});
