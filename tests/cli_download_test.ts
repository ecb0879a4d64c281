/**
 * The command line and a Hub: what Ctrl-C leaves of a download, and what is said of a token that is
 * not taken.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { filesBelow } from "./support/folder.ts";
import { fixture } from "./support/golden.ts";
import { type Fault, heldAfter, HubServer, status } from "./support/hub_server.ts";
import { until } from "./support/until.ts";

const PROGRAM = ["run", "-A", "--quiet", "--no-lock", "plugins/tools/cli/main.ts"];
const ROOT = new URL("../", import.meta.url);
const WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

async function filesOf(folder: string): Promise<Record<string, Uint8Array>> {
  const names = await filesBelow(folder);
  const read = names.map(async (name) => [name, await Deno.readFile(`${folder}/${name}`)] as const);
  return Object.fromEntries(await Promise.all(read));
}

interface At {
  readonly hub: HubServer;
  /** An empty folder: the cache, and where images go. */
  readonly folder: string;
  start(...args: string[]): Deno.ChildProcess;
}

/** A Hub with a repo, and the command line that asks it. */
async function withHub(env: Record<string, string>, use: (at: At) => Promise<void>): Promise<void> {
  await using hub = new HubServer();
  hub.addRepo("me/tiny", await filesOf(fixture("tiny-ddpm")));
  const folder = await Deno.makeTempDir();
  const started: Deno.ChildProcess[] = [];
  const start = (...args: string[]) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: [...PROGRAM, ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1", HF_ENDPOINT: hub.url, HF_HUB_CACHE: `${folder}/hub`, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    started.push(child);
    return child;
  };
  try {
    await use({ hub, folder, start });
  } finally {
    for (const child of started) await child[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
}

/** How a program ended, and what it said. */
async function endOf(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

describe("Ctrl-C in the middle of a download", () => {
  const commands = (folder: string) => [
    ["prefetch", "me/tiny"],
    ["generate", "--model", "me/tiny", "--steps", "1", "--out", `${folder}/image.png`],
  ];
  for (const place of [0, 1]) {
    const [name] = commands("")[place]!;
    it(`ends \`denoise ${name}\` with 130 and leaves no file that is not whole`, async () => {
      await withHub({}, async ({ hub, folder, start }) => {
        const args = commands(folder)[place]!;
        const whole = (await Deno.stat(fixture(`tiny-ddpm/${WEIGHTS}`))).size;
        const half = Math.trunc(whole / 2);
        const isWhole = (right: Response) => right.headers.get("content-length") === String(whole);
        const hold: Fault = (right, request) =>
          isWhole(right) ? heldAfter(half)(right, request) : right;
        hub.fail("signature", hold);
        const child = start(...args);
        const ended = endOf(child);
        const partly = async () => {
          const names = await filesBelow(`${folder}/hub`).catch(() => []);
          const sizes = names.filter((name) => name.endsWith(".incomplete"))
            .map((name) => Deno.stat(`${folder}/hub/${name}`).then(({ size }) => size, () => 0) // whole by now
            );
          return (await Promise.all(sizes)).includes(half);
        };
        await until(partly);
        child.kill("SIGINT");
        const { code, stdout, stderr } = await ended;
        assertEquals([code, stdout], [130, ""], stderr);
        assert(!stderr.includes("    at "), stderr);
        assert(stderr === "" || stderr.endsWith("\n"), "the line of the bar is ended");
        const snapshots = (await filesBelow(`${folder}/hub`)).filter((name) =>
          name.includes("/snapshots/")
        );
        assertEquals(snapshots.filter((name) => name.endsWith(WEIGHTS)), []);
        assertEquals(await Deno.stat(`${folder}/image.png`).catch(() => "none"), "none");
        hub.reset();
        const before = hub.requests.length;
        const again = await endOf(start(...args));
        assertEquals(again.code, 0, again.stderr);
        const rest = hub.requests.slice(before)
          .map(({ headers }) => headers.get("range"));
        assert(rest.includes(`bytes=${half}-`), `it goes on where it was: ${rest}`);
        const verified = await endOf(start("verify", "me/tiny"));
        assertStringIncludes(verified.stdout, "files are whole");
      });
    });
  }
});

describe("an HF_TOKEN that the Hub does not take", () => {
  it("is said, with what to do, by every command that asks the Hub", async () => {
    await withHub({ HF_TOKEN: "hf_old" }, async ({ hub, start }) => {
      hub.fail("", status(401)); // so the Hub answers for public repos, too
      const commands = [
        ["generate", "--model", "me/tiny"],
        ["prefetch", "me/tiny"],
        ["inspect", "me/tiny"],
      ];
      for (const args of commands) {
        const { code, stderr } = await endOf(start(...args));
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, "access token is not valid");
        assertStringIncludes(stderr, "HF_TOKEN");
        assert(!stderr.includes("hf_old") && !stderr.includes("    at "), stderr);
      }
    });
  });
});
