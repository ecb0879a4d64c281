import { until } from "../../tests/support/until.ts";

/** A Redis of its own for tests, where the program is installed. */
export interface TestRedis extends AsyncDisposable {
  /** Its address. */
  readonly url: string;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again with what it had written. */
  restart(): Promise<void>;
}

/** Whether the program is there. */
export async function hasRedis(): Promise<boolean> {
  return await new Deno.Command("redis-server", { args: ["--version"], stdout: "null" }).output()
    .then(({ success }) => success, () => false);
}

/** When what was written is on the disk: before each answer, or once a second, as it is run. */
export type Fsync = "always" | "everysec";

/** Starts one on a free port. */
export async function startRedis(fsync: Fsync = "always"): Promise<TestRedis> {
  const folder = await Deno.makeTempDir();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  let process = await start(folder, port, fsync);
  return {
    url: `redis://127.0.0.1:${port}`,
    async kill(): Promise<void> {
      process.kill("SIGKILL");
      await process.status;
    },
    async restart(): Promise<void> {
      process = await start(folder, port, fsync);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        process.kill("SIGKILL");
      } catch {
        // it was killed before
      }
      await process.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function start(folder: string, port: number, fsync: Fsync): Promise<Deno.ChildProcess> {
  const process = new Deno.Command("redis-server", {
    args: [
      "--port",
      `${port}`,
      "--bind",
      "127.0.0.1",
      "--dir",
      folder,
      "--save",
      "",
      "--appendonly",
      "yes",
      "--appendfsync",
      fsync,
      "--maxmemory-policy",
      "noeviction",
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  await until(async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
    connection?.close();
    return connection !== undefined;
  });
  return process;
}
