/**
 * What README.md, docs/ and functions/README.md tell their reader to type, done as they say: in a folder that was empty,
 * with every `@denoise/*` package out of a registry that serves them as JSR does, and repos out of a Hub on this
 * machine. What needs the repository is done there. A command that is neither done nor listed with its reason fails.
 * docs/write-a-*.md are followed by third_party_test.ts, docs/debugging.md by debugging_test.ts.
 *
 * @module
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import config from "../../deno.json" with { type: "json" };
import { type RunningProgram, startCommand, untilReady } from "../../functions/tests/programs.ts";
import { hasRedis, startRedis } from "../../functions/tests/redis.ts";
import { workspaceRegistry } from "../../scripts/jsr_registry/mod.ts";
import { docBlocks } from "../support/doc_blocks.ts";
import { docCommands } from "../support/doc_commands.ts";
import { fixture } from "../support/golden.ts";
import { HubServer } from "../support/hub_server.ts";
import { addPageRepos, layPageFiles } from "../support/page_files.ts";
import { MARK, type ModuleEnd } from "../support/run_modules.ts";
import { until } from "../support/until.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const SD = "stable-diffusion-v1-5/stable-diffusion-v1-5";
const KEY = "change-this-key";
const BROKEN = "broken"; // a repo that gives NaN for a word
const FEW = "--steps 2"; // put behind commands, as nothing else depends on it

/** Pages that other tests follow word by word. */
const FOLLOWED = /^docs\/(write-a-\w+|debugging)\.md$/;

const names = ["README.md", "functions/README.md"];
for (const folder of ["docs", "docs/families"]) {
  for (const { name } of Deno.readDirSync(root + folder)) {
    if (name.endsWith(".md")) names.push(`${folder}/${name}`);
  }
}
const pages = new Map(
  names.filter((name) => !FOLLOWED.test(name)).map((name) =>
    [name, Deno.readTextFileSync(`${root}${name}`)] as const
  ),
);

/** Each command, and the pages that it stands on. */
const commands = new Map<string, string[]>();
for (const [name, page] of pages) {
  for (const command of docCommands(page)) {
    commands.set(command, [...commands.get(command) ?? [], name]);
  }
}

const hub = new HubServer();
const registry = await workspaceRegistry();
const home = await Deno.makeTempDir({ prefix: "denoise-" });
const jsr = await registry.url();
const env = {
  JSR_URL: jsr,
  NO_COLOR: "1",
  HF_ENDPOINT: hub.url,
  HF_HOME: `${home}/hf`,
  DENOISE_CACHE: `${home}/cache`,
  DENOISE_PORT: "0",
  DENO_INSTALL_ROOT: `${home}/installed`,
  PATH: [`${home}/installed/bin`, dirname(Deno.execPath()), Deno.env.get("PATH")].join(":"),
};

/** A line of a page, where JSR is the registry of the test. */
function here(line: string): string {
  return line.replace("--allow-net=jsr.io", `--allow-net=${new URL(jsr).host}`);
}

/** Runs a line of the shell; what it says. */
async function shell(line: string, cwd = home, more = {}): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", here(line)],
    cwd,
    env: { ...env, ...more },
    stdin: "null",
  }).output();
  const [said, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, `${line}\n${said}\n${errors}`);
  return said!;
}

/** Starts a server by a line of the shell, and ends it as its users do. */
async function served(
  line: string,
  use: (server: RunningProgram) => Promise<void>,
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<void> {
  const { cwd = home } = options;
  const server = await startCommand(["bash", "-c", line], { ...env, ...options.env }, cwd);
  try {
    await use(server);
  } finally {
    server.process.kill("SIGTERM"); // which it hands on to the process that it started
    const { code } = await server.process.status;
    await server[Symbol.asyncDispose]();
    assertEquals(code, 0);
  }
}

/** That a server has a page, a documentation, and an image of its model for those who have its key. */
async function drawsFor(url: string, key?: string): Promise<void> {
  const status = async (path: string): Promise<number> => {
    const response = await fetch(`${url}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals([await status("/"), await status("/docs")], [200, 200]);
  const made = await fetch(`${url}/v1/images/generations`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...key === undefined ? {} : { authorization: `Bearer ${key}` },
    },
    body: JSON.stringify({ prompt: "red apple", num_inference_steps: 2 }),
  });
  const text = await made.text();
  assertEquals(made.status, 200, text);
  assertEquals(JSON.parse(text).data[0].b64_json.slice(0, 8), "iVBORw0K"); // a PNG
}

/** Serves by a line, with the key that is in it, if there is one. */
function serves(where: { readonly cwd?: string } = {}) {
  return (line: string) => {
    const key = line.match(/DENOISE_API_KEYS=(\S+)/)?.[1];
    return served(line, async ({ url, alive }) => {
      await alive(untilReady(url));
      await alive(drawsFor(url.replace("0.0.0.0", "127.0.0.1"), key));
    }, where);
  };
}

/** What is done with a command, by how it begins. */
type Rule = readonly [RegExp, (line: string) => Promise<unknown>];

/** That a command prints a text. */
const prints = (part: string | RegExp) => async (line: string) => {
  const said = await shell(line);
  assert(typeof part === "string" ? said.includes(part) : part.test(said), said);
};

/** Writes a file, whose name stands in the command or is given. */
const writes = (given?: string) => async (line: string) => {
  const name = given ?? line.match(/--out (\S+)/)![1]!.replace("%d", "1");
  await shell(line);
  assert((await Deno.stat(`${home}/${name}`)).size > 0, name);
};

/** Edge and worker over a Redis of the test, in the checkout. */
async function servesOverRedis(): Promise<void> {
  if (!await hasRedis()) return;
  await using redis = await startRedis();
  const options = { cwd: root, env: { DENOISE_REDIS_URL: redis.url } };
  await served("deno task worker", () =>
    served("deno task edge", async ({ url, alive }) => {
      await alive(untilReady(url));
      await alive(drawsFor(url));
    }, options), options);
}

/** A repo that makes images, but numbers that are none of the word "zzz". */
async function breakModel(): Promise<void> {
  const folder = `${home}/${BROKEN}`;
  await cp(fixture("tiny-stable-diffusion"), folder, { recursive: true });
  const vocabulary = JSON.parse(await Deno.readTextFile(`${folder}/tokenizer/vocab.json`));
  const path = `${folder}/text_encoder/model.safetensors`;
  const { tensors } = await openSafetensors(path);
  const all = await Promise.all(
    [...tensors].map(async ([name, stored]) => [name, await readTensor(stored)] as const),
  );
  const name = "text_model.embeddings.token_embedding.weight";
  const words = new Map(all).get(name)!;
  const width = words.dims[1]!;
  const values = Float32Array.from([...words.data].map(Number));
  values.fill(NaN, vocabulary["z"] * width, (vocabulary["z"] + 1) * width);
  const broken = { [name]: Tensor.from(values, words.dims) };
  await saveSafetensors(path, { ...Object.fromEntries(all), ...broken });
}

/** The operator's commands, on a job that failed. */
async function looksAfterJobs(lines: readonly string[]): Promise<void> {
  const models = { DENOISE_MODELS: `nan=${home}/${BROKEN}`, DENOISE_OPERATOR_KEY: KEY };
  await served("denoise serve", async ({ url, alive }) => {
    await alive(untilReady(url));
    const response = await fetch(`${url}/v1/predictions`, {
      method: "POST",
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ input: { prompt: "zzz", num_inference_steps: 1 } }),
    });
    await response.body?.cancel();
    let id = "";
    const ask = (line: string) =>
      shell(line.replaceAll("ID", id).replace("curl", "curl --fail-with-body -sS"), home, {
        URL: url,
        KEY,
      });
    const [list, retry, look, remove] = lines;
    const failed = async () => JSON.parse(await ask(list!)).data;
    await alive(until(async () => (await failed()).length === 1));
    const [job] = await failed();
    assertEquals(job.error.code, "nan_output");
    id = job.id;
    assertStringIncludes(await ask(look!), id);
    await ask(retry!);
    await alive(until(async () => (await failed())[0]?.failed_at > job.failed_at));
    await ask(remove!);
    assertEquals(await failed(), []);
  }, { env: models });
}

const operatorCommands = [...commands.keys()].filter((line) => line.includes("$URL/operator/"));

/** What is done; the first that fits. */
const DONE: readonly Rule[] = [
  [/^deno (add|install) /, (line) => shell(line)],
  [/^deno run --allow-read .* apple\.ts$/, async (line) => {
    assertEquals(await shell(line), "128 128\n");
    await shell("deno check apple.ts");
    // a second time from the cache, without a network
    assertEquals(await shell(line.replace(/ --allow-net=\S+/, "")), "128 128\n");
  }],
  [/^npx .*deno\S* run -A jsr:\S+ generate/, writes("red-apple.png")],
  [/^denoise generate "red apple"$/, writes("red-apple.png")],
  [/^denoise recipe red-apple\.png$/, prints("red apple")],
  [/^denoise schedulers$/, prints("EulerDiscreteScheduler")],
  [/^denoise models$/, prints("denoise/emoji")],
  [/^denoise doctor$/, prints("cpu")],
  [/^denoise ls$/, prints(SD)],
  [/^denoise prefetch /, (line) => shell(line)],
  [/^denoise verify ID$/, (line) => shell(line.replace("ID", SD))],
  [/^denoise rm ID$/, async (line) => {
    await shell("denoise prefetch google/ddpm-cat-256");
    await shell(line.replace("ID", "google/ddpm-cat-256"));
    assert(!(await shell("denoise ls")).includes("google/ddpm-cat-256"));
  }],
  [/^denoise generate --help$/, prints("--negative")],
  [/^(deno task|denoise|deno run -A jsr:@denoise\/cli) generate$/, async (line) => {
    // a mention: what it would do is said by its help
    const outside = line.replace("deno task", "denoise");
    assertStringIncludes(await shell(`${outside} --help`), "--steps");
  }],
  [
    /^denoise generate .*--out /,
    // the small model makes four seconds at most
    (line) => writes()(`${line.replace("--length 10", "--length 2")} ${FEW}`),
  ],
  [
    /^denoise generate "a castle, pixel art"/,
    (line) => writes("a-castle-pixel-art.png")(`${line} ${FEW}`),
  ],
  [/^denoise generate "a castle"/, (line) => writes("a-castle.png")(`${line} ${FEW}`)],
  [/^HF_HUB_OFFLINE=1 denoise generate/, async (line) => {
    hub.reset();
    await writes("a-squirrel.png")(`${line} ${FEW}`);
    assertEquals(hub.requests, []);
  }],
  [/^denoise serve$/, serves()],
  [/^deno run -A jsr:@denoise\/functions\/serve$/, serves()],
  [
    /^denoise serve --model stabilityai\/stable-audio-open-1\.0$/,
    (line) => served(line, ({ url, alive }) => alive(untilReady(url))),
  ],
  [/^denoise serve --model \S+ --controlnet /, (line) =>
    served(line, async ({ url, alive }) => {
      await alive(untilReady(url));
      const { models } = await (await fetch(`${url}/v1/capabilities`)).json();
      assertEquals(Object.keys(models[0].controlNets), ["canny"]);
    })],
  [/^deno run -A jsr:@denoise\/create (\S+)$/, async (line) => {
    await shell(line);
    const folder = line.split("/").at(-1)!;
    assertStringIncludes(await shell("deno test -A", `${home}/${folder}`), "0 failed");
  }],
  [
    /^curl http:\/\/127\.0\.0\.1:8000\/v1\/images/,
    (line) =>
      served("denoise serve", async ({ url, alive }) => {
        await alive(untilReady(url));
        const said = await shell(line.replace("http://127.0.0.1:8000", url));
        assert(JSON.parse(said).data[0].b64_json.length > 0);
      }),
  ],
  [
    /^curl http:\/\/127\.0\.0\.1:8000\/predictions .*audio_length_in_s/,
    (line) =>
      served("denoise serve --model stabilityai/stable-audio-open-1.0", async ({ url, alive }) => {
        await alive(untilReady(url));
        const [curl] = line.split(" | jq "); // which not every machine has
        const small = curl!.replace(/"audio_length_in_s": \d+/, '"audio_length_in_s": 2')
          .replace(/\}\}'$/, ', "num_inference_steps": 2}}\'');
        const said = await shell(small.replace("http://127.0.0.1:8000", url));
        assertStringIncludes(JSON.parse(said).output[0].slice(0, 20), "data:audio/");
      }),
  ],
  [/^curl .*\$URL\/operator\/dead-letters$/, () => looksAfterJobs(operatorCommands)],
  // in the repository
  [/^deno task generate .*--out docs\//, async (line) => {
    // outside of it the page says what to write in its place
    const outside = line.replace("deno task", "deno run -A jsr:@denoise/cli")
      .replace("--steps 100", "--steps 2"); // docs_images_test.ts makes the image itself
    assertEquals(outside.startsWith("deno run -A jsr:@denoise/cli generate"), true);
    await writes()(outside);
  }],
  [/^deno task generate "red apple"$/, async (line) => {
    const out = `${home}/in-checkout.png`;
    await shell(`${line} --steps 2 --out ${out}`, root);
    assert((await Deno.stat(out)).size > 0);
  }],
  [/^npx .* plugins\/tools\/cli\/main\.ts generate/, async (line) => {
    const out = `${home}/by-npx.png`;
    await shell(`${line} --steps 2 --out ${out}`, root);
    assert((await Deno.stat(out)).size > 0);
  }],
  [
    /^deno task serve --help$/,
    async (line) => assertStringIncludes(await shell(line, root), "DENOISE_MODELS"),
  ],
  [
    /^deno task denoise doctor$/,
    async (line) => assertStringIncludes(await shell(line, root), "cpu"),
  ],
  [/^deno task denoise prefetch ID$/, (line) => shell(line.replace("ID", SD), root)],
  [
    /^deno run .* functions\/permissions\.ts serve$/,
    async (line) => assertStringIncludes(await shell(line, root), "--allow-net="),
  ],
  [/^(DENOISE_\w+=\S+ )*deno task serve$/, serves({ cwd: root })],
  [/^deno task worker$/, servesOverRedis],
];

/** What is not done, and why. */
const LEFT_OUT: readonly (readonly [RegExp, string])[] = [
  [/^curl .*\$URL\/operator\//, "done together with the first of them, on one job"],
  [/^(DENOISE_REDIS_URL=\S+ )?deno task (edge|worker)$/, "done together: `deno task worker`"],
  [/^docker /, "needs a Docker engine; deploy_test.ts looks at the files"],
  [/^DENOISE_API_KEYS=\S+ docker compose /, "needs a Docker engine; deploy_test.ts as well"],
  [/^kubectl /, "needs a cluster; deploy_test.ts looks at the files"],
  [/^modal /, "needs an account of Modal"],
  [/^aws /, "needs an account of AWS"],
  [/^(hf|pip) /, "a program of Python, which asks the Hub or PyPI itself"],
  [/^sh scripts\/reference\/setup\.sh$/, "installs 1.5 GB; .ci/run does it before the tests"],
  [/^(npx|bunx) jsr add /, "npm_test.ts lays packages out as it does"],
  [/^node node_modules\/@denoise\/cli\/main\.js /, "npm_test.ts runs it"],
  [
    /^deno jupyter --install$/,
    "changes the machine's Jupyter; notebooks_test.ts has one of its own",
  ],
  [
    /task (test|check|parity|bench|gpu|images|schedulers|coverage|screenshots|site|registry)\b/,
    "" +
    "makes or measures the repository for minutes; it is looked up whether the task is there",
  ],
];

/** The task of this repository that a command runs. */
const taskOf = (line: string): string | undefined => line.match(/\btask ([\w:]+)/)?.[1];

/** The programs of a page: its snippets, where one that uses what others declare goes on with them. */
function programsOf(name: string, page: string): { title: string; text: string }[] {
  const sections = page.split(/^## /m).flatMap((section) => {
    const blocks = docBlocks(section).filter(({ language }) => language === "ts");
    const title = `${name}, ${section.split("\n")[0]}`;
    return blocks.map(({ text }) => ({ title, text }));
  });
  const programs: { title: string; text: string }[] = [];
  let last: { title: string; text: string } | undefined;
  for (const { title, text } of sections) {
    const goesOn = /\bpipeline\b/.test(text) && !/const pipeline\b/.test(text);
    if (goesOn && last !== undefined) last.text += text;
    else programs.push({ title, text });
    if (/const pipeline\b/.test(text)) last = programs.at(-1);
  }
  return programs;
}

/** A program that makes no more than it has to: the small audio model makes four seconds at most. */
function smaller({ title, text }: { readonly title: string; readonly text: string }): string {
  const short = text.replaceAll("audioEndInS: 10", "audioEndInS: 2");
  if (!title.startsWith("docs/families/")) return short;
  return short.replaceAll(/(?<=\bnumInferenceSteps: )[1-9]\d+/g, "2")
    .replaceAll(/(?<=\b(width|height): )\d+/g, "64")
    .replaceAll(/(?<=\baudioDuration: )\d\d/g, "1");
}

const SERVED = 'from "@denoise/functions"'; // a program that does not end by itself
const programs = [...pages].flatMap(([name, page]) => programsOf(name, page));
const modules = programs.filter(({ text }) => !text.includes(SERVED));
const fileOf = (i: number): string => `${home}/programs/${i}.ts`;

describe("the pages, in an empty folder", () => {
  beforeAll(async () => {
    await addPageRepos(hub);
    const [, apple] = pages.get("README.md")!.match(/^```ts apple\.ts\n(.*?)^```$/ms)!;
    await Deno.writeTextFile(`${home}/apple.ts`, apple!);
    await breakModel();
    await layPageFiles(home);
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await hub[Symbol.asyncDispose]();
    await rm(home, { recursive: true });
  });

  for (const [command, where] of commands) {
    const left = LEFT_OUT.find(([pattern]) => pattern.test(command));
    const [, run] = DONE.find(([pattern]) => pattern.test(command)) ?? [];
    it(`${where.join(", ")}: ${command}`, async () => {
      const task = taskOf(command);
      assert(task === undefined || task in config.tasks, `there is no task ${task}`);
      if (run !== undefined) await run(command);
      else assert(left !== undefined, "it is neither done nor left out for a reason");
    });
  }

  it("lists no command that no page has any more", () => {
    const all = [...commands.keys()];
    const unused = [...DONE, ...LEFT_OUT].filter(([pattern]) =>
      !all.some((command) => pattern.test(command))
    );
    assertEquals(unused.map(([pattern]) => pattern.source), []);
  });

  describe("their programs", () => {
    const ends = new Map<string, ModuleEnd>();
    let output = "";

    beforeAll(async () => {
      await mkdir(`${home}/programs`);
      for (const [i, program] of modules.entries()) {
        await Deno.writeTextFile(fileOf(i), smaller(program));
      }
      await cp(`${root}tests/support/run_modules.ts`, `${home}/run_modules.ts`);
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--quiet", "run_modules.ts", ...modules.map((_, i) => fileOf(i))],
        cwd: home,
        env,
      }).output();
      const decoder = new TextDecoder();
      output = decoder.decode(stdout) + decoder.decode(stderr);
      for (const line of decoder.decode(stdout).split("\n")) {
        if (!line.startsWith(MARK)) continue;
        const end = JSON.parse(line.slice(MARK.length)) as ModuleEnd;
        ends.set(end.file, end);
      }
    });

    it("are twenty and more for those who come from diffusers", () =>
      assert(modules.filter(({ title }) => title.startsWith("docs/migrate.md")).length >= 20));

    for (const [i, { title }] of modules.entries()) {
      it(`run: ${title}`, () => {
        const end = ends.get(fileOf(i));
        assert(end !== undefined, `it did not come to its end: ${output.slice(-2_000)}`);
        assertEquals(end.error, undefined);
      });
    }

    it("compile, with the types that the packages have there", () =>
      shell(`deno check --quiet ${modules.map((_, i) => fileOf(i)).join(" ")}`));

    for (const { title, text } of programs.filter(({ text }) => text.includes(SERVED))) {
      it(`serve: ${title}`, async () => {
        await Deno.writeTextFile(`${home}/own.ts`, text);
        await using server = await startCommand(["deno", "run", "-A", "own.ts"], {
          ...env,
          DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
        }, home);
        await server.alive(drawsFor(server.url.replace(/\/ .*$|\/$/, "")));
      });
    }
  });

  it("`to('cuda')` and long prompts are what they are in a checkout", async () => {
    const source = `import { DiffusionPipeline } from "@denoise/denoise";
      const pipe = await DiffusionPipeline.fromPretrained("denoise/emoji", { engine: "child" });
      const { images } = await pipe("apple ".repeat(900), { numInferenceSteps: 1 }); // 5,400 characters
      console.log(images[0].width);
      await pipe.to("cuda").then(() => console.log("moved"), (error) => console.log(error.message));
      Deno.exit();`;
    await Deno.writeTextFile(`${home}/cuda.ts`, source);
    const said = await shell("deno run -A cuda.ts");
    assert(/^128\n.*(cuda|moved)/is.test(said), said);
  });
});
