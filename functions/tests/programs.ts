import { fileURLToPath } from "node:url";
import { permissionsOf, type ProgramName } from "../permissions.ts";
import config from "../../deno.json" with { type: "json" };
import { until } from "../../tests/support/until.ts";

/** The modules of the programs. */
const MODULES: Readonly<Record<ProgramName, string>> = {
  serve: "main.ts",
  edge: "edge.ts",
  worker: "worker.ts",
};

/** `serve`, `edge` or `worker` in a process of its own. */
export interface RunningProgram extends AsyncDisposable {
  /** Its address. */
  readonly url: string;
  /** The process. */
  readonly process: Deno.ChildProcess;
  /**
   * A promise's result, while the program lives.
   *
   * @throws {Error} with what the program said, when it ends first.
   */
  alive<T>(promise: Promise<T>): Promise<T>;
}

/** How `deno task serve` has its heap. */
export const HEAP_FLAGS: readonly string[] = config.tasks.serve.command.split(" ")
  .filter((flag) => flag.startsWith("--v8-flags="));

/** How a program ended. */
export interface ProgramEnd {
  /** Its exit code. */
  readonly code: number;
  /** What it said on standard output. */
  readonly output: string;
  /** What it said on standard error. */
  readonly errors: string;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Variables that would change what a test is about, such as settings of whoever runs the tests. */
const OWN = /^(DENOISE_|OTEL_|PORT$)/;

function spawn(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  before: readonly string[] = [],
): Deno.ChildProcess {
  return spawnCommand([...before, Deno.execPath(), "run", "--quiet", "--no-check", ...args], env);
}

function spawnCommand(
  line: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd = ROOT,
): Deno.ChildProcess {
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => !OWN.test(name));
  return new Deno.Command(line[0]!, {
    args: line.slice(1),
    cwd,
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** A program with the permissions of its task. */
function spawnProgram(
  name: ProgramName,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  before: readonly string[] = [],
): Deno.ChildProcess {
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => !OWN.test(name));
  const flags = permissionsOf(name, { ...Object.fromEntries(inherited), ...env });
  const flagsAndFile = [...HEAP_FLAGS, ...flags, `functions/${MODULES[name]}`];
  return spawn([...flagsAndFile, ...args], env, before);
}

async function ending(process: Deno.ChildProcess): Promise<ProgramEnd> {
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout), errors: decoder.decode(stderr) };
}

/** Runs a program that is expected to end by itself. */
export async function endOf(
  name: ProgramName,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<ProgramEnd> {
  return await ending(spawnProgram(name, env, args));
}

/** Runs a module of the tests to its end; it may do everything by default. */
export async function endOfModule(
  module: URL,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = ["-A"],
): Promise<ProgramEnd> {
  return await ending(spawn([...flags, fileURLToPath(module)], env));
}

/**
 * Starts a program and waits until it listens; one that ends before is an error with its output.
 *
 * @param before A command that starts it, such as `prlimit` with its arguments; none by default.
 */
export async function startProgram(
  name: ProgramName,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  before: readonly string[] = [],
): Promise<RunningProgram> {
  return await listening(name, spawnProgram(name, env, args, before));
}

/** Starts a command that starts a program, by default from the root of the repository. */
export async function startCommand(
  line: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd?: string,
): Promise<RunningProgram> {
  return await listening(line.join(" "), spawnCommand(line, env, cwd));
}

/** Starts a module that says `listens on URL`, as the programs do. */
export async function startModule(
  module: URL,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  before: readonly string[] = [],
  args: readonly string[] = [],
): Promise<RunningProgram> {
  const process = spawn(["-A", ...flags, fileURLToPath(module), ...args], env, before);
  return await listening(module.pathname, process);
}

async function listening(name: string, process: Deno.ChildProcess): Promise<RunningProgram> {
  let said = "";
  const listens = Promise.withResolvers<string>();
  async function read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      said += piece;
      const [, url] = said.match(/ on (http:\/\/\S+)\n/) ?? [];
      if (url !== undefined) listens.resolve(url);
    }
  }
  const reading = Promise.all([read(process.stdout), read(process.stderr)]);
  const died = Promise.withResolvers<never>();
  died.promise.catch(() => {});
  process.status.then(async ({ code, signal }) => {
    await reading;
    died.reject(new Error(`${name} ended with ${signal ?? code}; it said:\n${said}`));
  });
  const alive = <T>(promise: Promise<T>): Promise<T> => Promise.race([promise, died.promise]);

  function kill(): void {
    try {
      process.kill("SIGKILL");
    } catch {
      // it has ended already
    }
  }

  async function end(): Promise<void> {
    kill();
    await process.status;
    await reading;
  }

  try {
    const url = await alive(listens.promise);
    return { url, process, alive, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/**
 * Asks over a connection of its own: a server ends one that is kept after some idle seconds, and a request
 * that comes just then is lost.
 */
export async function askAlone(url: string): Promise<Response> {
  return await fetch(url, { headers: { connection: "close" } });
}

/** Waits until a server's models are ready. */
export async function untilReady(url: string): Promise<void> {
  await until(async () => {
    const response = await askAlone(`${url}/readyz`);
    await response.body?.cancel();
    return response.status === 200;
  });
}

/** Milliseconds that the processors have worked for a process, which other programs do not change (Linux). */
export async function processorTime({ pid }: Deno.ChildProcess): Promise<number> {
  return await timeIn(`/proc/${pid}/stat`);
}

/** The same for its main thread alone, in which a server answers. */
export async function mainThreadTime({ pid }: Deno.ChildProcess): Promise<number> {
  return await timeIn(`/proc/${pid}/task/${pid}/stat`);
}

async function timeIn(file: string): Promise<number> {
  const stat = await Deno.readTextFile(file);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12])); // utime and stime, in hundredths of a second
}

/** The value of a metric of a server, without labels. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await askAlone(`${url}/metrics`)).text();
  return Number(text.match(new RegExp(`^${name} (\\S+)$`, "m"))?.[1]);
}
