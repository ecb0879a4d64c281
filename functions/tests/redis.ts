import { hasProgram } from "../../tests/support/programs.ts";
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
  return await hasProgram("redis-server");
}

/** When what was written is on the disk: before each answer, or once a second, as it is run. */
export type Fsync = "always" | "everysec";

/** Starts one on a free port. */
export async function startRedis(fsync: Fsync = "always"): Promise<TestRedis> {
  const folder = await Deno.makeTempDir();
  let port = freePort();
  let first = await start(folder, port, fsync);
  while (first === undefined) first = await start(folder, port = freePort(), fsync);
  let process = first;
  return {
    url: `redis://127.0.0.1:${port}`,
    async kill(): Promise<void> {
      process.kill("SIGKILL");
      await process.status;
    },
    async restart(): Promise<void> {
      await until(async () => {
        const next = await start(folder, port, fsync);
        if (next !== undefined) process = next;
        return next !== undefined;
      });
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

/** A port that nobody has now; somebody else may have it a moment later. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts one; undefined where somebody else has the port. */
async function start(
  folder: string,
  port: number,
  fsync: Fsync,
): Promise<Deno.ChildProcess | undefined> {
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
  let isOver = false;
  const ended = process.status.then(() => void (isOver = true));
  await until(async () => isOver || await answers(port, process.pid, ended));
  return isOver ? undefined : process;
}

/** Whether the Redis of that process answers at a port. */
async function answers(port: number, pid: number, ended: Promise<void>): Promise<boolean> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
  if (connection === undefined) return false;
  using _ = connection;
  try {
    await connection.write(new TextEncoder().encode("INFO server\r\n"));
    const bytes = new Uint8Array(4_096);
    // who has the port in its place may say nothing
    const length = await Promise.race([connection.read(bytes), ended]);
    return new TextDecoder().decode(bytes.subarray(0, length ?? 0)).includes(`process_id:${pid}\r`);
  } catch {
    return false;
  }
}
