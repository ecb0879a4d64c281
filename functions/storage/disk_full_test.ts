/**
 * A disk that is full, as a file system says it.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { prefetch } from "@denoise/hub";
import { ddpmRepo } from "../../tests/support/hub_repos.ts";
import { heldAfter, HubServer } from "../../tests/support/hub_server.ts";
import { type SmallDisk, smallDisk } from "../../tests/support/small_disk.ts";
import { until } from "../../tests/support/until.ts";
import { post } from "../tests/app.ts";
import { TINY } from "../tests/jobs.ts";
import { startProgram } from "../tests/programs.ts";
import { hasRedis, startRedis } from "../tests/redis.ts";

const withRedis = await hasRedis();
const env = { DENOISE_MODELS: `tiny=${TINY}`, DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" };

/** Runs a test on a small disk, where there can be one. */
async function onDisk(bytes: number, test: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const disk = await smallDisk(bytes);
  if (disk === undefined) return;
  await using _ = disk;
  await test(disk);
}

async function generate(url: string, body: object): Promise<Response> {
  const input = { prompt: "a cat", num_inference_steps: 2, scheduler: "ddim", ...body };
  return await fetch(`${url}/v1/images/generations`, post(input));
}

/** The bytes of a cached repo's files that are still being fetched. */
async function unfinishedBytes(repo: string): Promise<number> {
  let bytes = 0;
  try {
    for await (const { name } of Deno.readDir(`${repo}/blobs`)) {
      if (name.endsWith(".incomplete")) bytes += (await Deno.stat(`${repo}/blobs/${name}`)).size;
    }
  } catch {
    // no file has begun, or a small one is whole and has another name by now
    return 0;
  }
  return bytes;
}

const files = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

describe("a full disk", () => {
  it("is an error of its own for who wants an address; what is stored and what is asked stays", async () => {
    await onDisk(262_144, async (disk) => {
      await using server = await startProgram("serve", { ...env, DENOISE_STORAGE: disk.path });
      const store = (seed: number) => generate(server.url, { seed, response_format: "url" });
      const kept = (await (await store(1)).json()).data[0].url;
      await disk.fill();
      const before = files(disk.path);
      const answers = await Promise.all([2, 3, 4].map(store));
      for (const answer of answers) {
        const { error } = await answer.json();
        assertEquals([answer.status, error.code], [500, "storage_failed"]);
        assert(!error.message.includes(disk.path), "the path is shown to nobody");
      }
      assertEquals(files(disk.path), before, "nothing half written is left");
      const plain = await generate(server.url, { seed: 5 });
      assertEquals(plain.status, 200, "what needs no disk goes on");
      await plain.body?.cancel();
      const image = new Uint8Array(await (await fetch(kept)).arrayBuffer());
      assertEquals([image[1], image[2], image[3]], [0x50, 0x4e, 0x47]);
      await disk.empty();
      const again = await store(2);
      assertEquals(again.status, 200, "and it works when there is room again");
      await again.body?.cancel();
    });
  });

  it(
    "reaches callers of an edge too, whose worker goes on",
    { ignore: !withRedis },
    async () => {
      await onDisk(262_144, async (disk) => {
        await using redis = await startRedis();
        const shared = { ...env, DENOISE_STORAGE: disk.path, DENOISE_REDIS_URL: redis.url };
        await using worker = await startProgram("worker", shared);
        await using edge = await startProgram("edge", shared);
        const ask = (seed: number) => worker.alive(edge.alive(generate(edge.url, { seed })));
        const first = await ask(1);
        assertEquals(first.status, 200, await first.text());
        await disk.fill();
        const refused = await ask(2);
        const { error } = await refused.json();
        assertEquals([refused.status, error.code], [500, "storage_failed"]);
        await disk.empty();
        const next = await ask(2);
        assertEquals(next.status, 200, await next.text());
      });
    },
  );

  it("is an error of its own for the cache of models, also when it fills on the way", async () => {
    const id = "google/ddpm-cat-256";
    await using hub = new HubServer();
    hub.addRepo(id, ddpmRepo());
    const fetching = (disk: SmallDisk) =>
      prefetch(id, { endpoint: hub.url, cacheDir: disk.path, retry: { firstDelay: 5 } });
    await onDisk(4_194_304, async (disk) => {
      await disk.fill(8_192);
      const error = await assertRejects(() => fetching(disk), DenoiseError);
      assertEquals(error.code, "disk_full");
      await disk.empty();
      const { promise, resolve } = Promise.withResolvers<void>();
      hub.fail("signature", heldAfter(5_000, promise)); // the address of the weights
      const repo = `${disk.path}/models--google--ddpm-cat-256`;
      const slow = fetching(disk);
      await until(async () => await unfinishedBytes(repo) >= 5_000);
      await disk.fill();
      resolve();
      assertEquals((await assertRejects(() => slow, DenoiseError)).code, "disk_full");
      await disk.empty();
      hub.reset();
      await fetching(disk);
    });
  });

  it("is that error whichever write of the cache of models finds no room", async () => {
    const id = "google/ddpm-cat-256";
    await using hub = new HubServer();
    hub.addRepo(id, ddpmRepo());
    let isEnough = false;
    for (let room = 0; !isEnough; room += 4_096) {
      assert(room <= 262_144, "a repo of 20 kB needs no more");
      let canMount = false;
      await onDisk(1_048_576, async (disk) => {
        canMount = true;
        await disk.fill(room);
        const fetching = () =>
          prefetch(id, { endpoint: hub.url, cacheDir: disk.path, retry: { firstDelay: 5 } });
        const error = await fetching().then(() => undefined, (error) => error);
        isEnough = error === undefined;
        if (!isEnough) assertEquals(error.code, "disk_full", `${room} bytes: ${error}`);
        await disk.empty();
        await fetching();
      });
      if (!canMount) return;
    }
  });
});
