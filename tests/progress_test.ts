/**
 * The bars that loads and runs show on a terminal, as diffusers does, and nowhere else.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  DDPMPipeline,
  DDPMScheduler,
  DiffusionPipeline,
  Registry,
  UNet2DModel,
} from "@denoise/denoise";
import type { Source } from "@denoise/core";
import { fixture } from "./support/golden.ts";
import { hasTerminals, onTerminal } from "./support/terminal.ts";

const ROOT = new URL("../", import.meta.url);
const REPO = fixture("tiny-ddpm");

/** Runs a program of two lines with a pipeline on a terminal, or with its errors in a pipe. */
async function shown(code: string, terminal = true): Promise<string> {
  const program = `import { DiffusionPipeline } from "${new URL("mod.ts", ROOT)}";\n${code}`;
  const args = ["eval", "--quiet", "--no-lock", `${program}\nDeno.exit();`];
  if (terminal) {
    const env = { NO_COLOR: "1" };
    const { code, shown } = await onTerminal([Deno.execPath(), ...args], {
      cwd: ROOT.pathname,
      env,
    })
      .end();
    assertEquals(code, 0, shown);
    return shown;
  }
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert(success, text);
  return text;
}

const load = (options = "{}") =>
  `const pipe = await DiffusionPipeline.fromPretrained(${JSON.stringify(REPO)}, ${options});`;
const call = (options = "") => `await pipe({ numInferenceSteps: 3, seed: 0${options} });`;

describe("progress on a terminal", { ignore: !hasTerminals }, () => {
  it("is a bar of the components at loading, and one of the steps of a call", async () => {
    const text = await shown(load() + call());
    assertMatch(text, /Loading pipeline components: 100%\|█+\| 2\/2 \[/);
    assertMatch(text, /\r100%\|█+\| 3\/3 \[/);
    assert(text.endsWith("\r\n"), "the last line is ended");
  });

  it("is turned off for a load, a call, or all calls, and renamed", async () => {
    assertEquals(await shown(load("{ progress: false }") + call(", progress: false")), "");
    const off = `pipe.setProgressBarConfig({ disable: true });`;
    assertEquals(await shown(load("{ progress: false }") + off + call()), "");
    const named = `pipe.setProgressBarConfig({ desc: "cats", leave: false });`;
    const text = await shown(load("{ progress: false }") + named + call());
    assertMatch(text, /\rcats: 100%\|█+\| 3\/3 \[/);
    assert(text.endsWith("\r\x1b[K"), "the bar is cleared");
  });

  it("is left to who follows a stream", async () => {
    const stream = `for await (const _ of pipe.stream({ numInferenceSteps: 3 }));`;
    assertEquals(await shown(load("{ progress: false }") + stream), "");
  });

  it("ends its line when a run fails or is aborted", async () => {
    const abort = `const at = new AbortController();
      const callbackOnStepEnd = () => at.abort();
      await pipe({ numInferenceSteps: 3, callbackOnStepEnd, signal: at.signal }).catch(() => {});`;
    const text = await shown(load("{ progress: false }") + abort);
    assertMatch(text, / 33%\|█+\D* +\| 1\/3 \[.*\r\n$/);
  });
});

describe("progress", () => {
  it("is shown nowhere else", async () => {
    assertEquals(await shown(load() + call(), false), "");
  });

  it("is shown by what a registry has for it: loads, downloads and runs", async () => {
    const lines: string[] = [];
    const source: Source = {
      name: "test",
      accepts: (id) => id === "someone/ddpm",
      fetch: (id, { onProgress }) => {
        const part = { file: "x", fileBytes: 5, fileTotal: 10, total: 10, rate: 1, remaining: 1 };
        for (const bytes of [5, 10]) onProgress?.({ ...part, bytes });
        return Promise.resolve({ path: REPO, id });
      },
    };
    const mine = new Registry({
      sources: [source],
      progress: () =>
        Promise.resolve(({ desc = "run", total }) => ({
          update: (done, now = total) => void lines.push(`${desc} ${done}/${now}`),
          stop: () => void lines.push(`${desc} ends`),
        })),
      plugins: [DDPMPipeline, DDPMScheduler, UNet2DModel],
    });
    const pipe = await DDPMPipeline.using(mine).fromPretrained("someone/ddpm");
    assertEquals(lines.splice(0), [
      "Downloading 5/10",
      "Downloading 10/10",
      "Downloading ends",
      "Loading pipeline components 1/2",
      "Loading pipeline components 2/2",
      "Loading pipeline components ends",
    ]);
    const options = { numInferenceSteps: 2, seed: 0, outputType: "tensor" } as const;
    await pipe(options);
    assertEquals(lines.splice(0), ["run 1/2", "run 2/2", "run ends"]);
    pipe.setProgressBarConfig({ disable: true });
    await pipe(options);
    assertEquals(lines.splice(0), []);
    await pipe({ ...options, progress: true });
    assertEquals(lines.splice(0), ["run 1/2", "run 2/2", "run ends"]);
    await DDPMPipeline.using(mine).fromPretrained("someone/ddpm", { progress: false });
    const onProgress = () => {};
    await DDPMPipeline.using(mine).fromPretrained("someone/ddpm", { progress: false, onProgress });
    assertEquals(lines, []);
  });

  it("refuses options that there are not", async () => {
    const pipe = await DiffusionPipeline.fromPretrained(REPO, { progress: false });
    const config = { disabled: true } as object;
    assertThrows(() => pipe.setProgressBarConfig(config), TypeError, 'did you mean "disable"');
    await assertRejects(() => pipe({ progress: 1 } as object), TypeError, "progress");
    await pipe.dispose();
  });
});
