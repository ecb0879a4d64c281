/**
 * The notebooks of docs/, cell by cell in Deno's kernel by a client of Jupyter (nbclient), in an empty folder with every
 * package out of a registry that serves them as JSR does. Needs the Python of the reference.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";
import { workspaceRegistry } from "../../scripts/jsr_registry/mod.ts";
import { makeFixtures } from "../support/fixtures.ts";
import { HubServer } from "../support/hub_server.ts";
import { addPageRepos } from "../support/page_files.ts";

const NOTEBOOKS = new URL("../../docs/notebooks/", import.meta.url);
const RUNNER = fileURLToPath(new URL("../support/notebook.py", import.meta.url));

/** What a cell shows. */
interface Output {
  readonly output_type: string;
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, string | readonly string[]>>;
}

interface Notebook {
  readonly cells: readonly {
    readonly cell_type: string;
    readonly outputs?: readonly Output[];
  }[];
}

const python = Deno.env.get("DENOISE_REFERENCE_PYTHON");
const hasClient = python !== undefined &&
  (await new Deno.Command(python, { args: ["-c", "import nbclient"], stderr: "null" }).output())
    .success;

/** A notebook after it has run. */
async function run(name: string, cwd: string, env: Record<string, string>): Promise<Notebook> {
  const { code, stdout, stderr } = await new Deno.Command(python!, {
    args: [RUNNER, Deno.execPath(), fileURLToPath(new URL(name, NOTEBOOKS))],
    cwd,
    env: { ...env, DENOISE_CACHE: `${cwd}/cache`, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}

/** What cells write, and how many images and players they show. */
function shown({ cells }: Notebook): { text: string; images: number; players: number } {
  const outputs = cells.flatMap(({ outputs = [] }) => outputs);
  return {
    text: outputs.flatMap(({ text = [] }) => text).join(""),
    images: outputs.filter(({ data }) => data !== undefined && "image/png" in data).length,
    players: outputs.filter(({ data = {} }) =>
      [data["text/html"] ?? []].flat().join("").startsWith(
        '<audio controls src="data:audio/wav;base64,UklGR',
      )
    ).length,
  };
}

const registry = hasClient ? await workspaceRegistry() : undefined;
const cwd = await Deno.makeTempDir({ prefix: "denoise-" });

describe("the notebooks of docs/", { ignore: !hasClient }, () => {
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await Deno.remove(cwd, { recursive: true });
  });
  const ran = async (name: string, env = {}) =>
    shown(await run(name, cwd, { ...env, JSR_URL: await registry!.url() }));

  it("quicktour.ipynb shows each image that it makes", async () => {
    const { text, images } = await ran("quicktour.ipynb");
    assertEquals(images, 1 + 3 + 1 + 3 + 1);
    assert(text.includes("EulerDiscreteScheduler") && text.includes("step 8 of 12"), text);
    assert(text.includes('prompt: "red apple on a blue background"'), text);
    assert((await Deno.stat(`${cwd}/apple.png`)).size > 0);
  });

  it("audio.ipynb shows a player for each clip", async () => {
    makeFixtures();
    await using hub = new HubServer();
    await addPageRepos(hub);
    const env = { HF_ENDPOINT: hub.url, HF_HOME: `${cwd}/hf` };
    const { text, players } = await ran("audio.ipynb", env);
    assert(text.includes("StableAudioPipeline"), text);
    assertEquals(players, 3);
    assert((await Deno.stat(`${cwd}/rain.wav`)).size > 0);
  });

  it("own_loop.ipynb draws by hand what the pipeline draws", async () => {
    const { text, images } = await ran("own_loop.ipynb");
    assertEquals(images, 2 + 1);
    assert(text.trim().endsWith("true"), text);
  });
});
