/**
 * `deno task serve`: the HTTP function with its engine, told by DENOISE_* variables.
 *
 * @module
 */
import { VERSION } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { log } from "./observe/log.ts";
import { configureLog, serve, type Server } from "./serve.ts";
import { readSettings, type Settings, SettingsError } from "./settings.ts";
import { SETTINGS } from "./settings_table.ts";

const USAGE = `denoise ${VERSION}: pictures over HTTP

usage: serve [--insecure] [--help]

  --insecure   listen on a public address without keys
  --help       this text

Settings (environment):
${SETTINGS.map(({ name, standard, doc }) => `  ${name}\n      ${doc} [${standard}]`).join("\n")}`;

/** Exit codes: all went well, the work failed, the settings or the command line are wrong. */
const EXIT = { done: 0, failed: 1, usage: 2 } as const;

function greet(server: Server, { keys }: Settings): void {
  const key = keys.length === 0 ? "" : ` -H "authorization: Bearer $KEY"`;
  console.log(`denoise ${VERSION} listens on ${server.url}`);
  console.log(
    `  curl ${server.url}/v1/images/generations${key} -H "content-type: application/json" ` +
      `-d '{"prompt": "a red apple"}'`,
  );
}

/** Runs until it is told to end; resolves to the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== "--insecure" && arg !== "--help");
  if (unknown !== undefined) {
    console.error(`error: there is no option ${JSON.stringify(unknown)}; --help lists them`);
    return EXIT.usage;
  }
  if (args.includes("--help")) {
    console.log(USAGE);
    return EXIT.done;
  }
  try {
    const settings = readSettings(Deno.env.toObject());
    await configureLog(settings.logLevel);
    const server = await serve(settings, registry, { insecure: args.includes("--insecure") });
    greet(server, settings);
    server.engine.ready().then(
      () => log.info("ready: {state}", { state: server.engine.state }),
      (error) => log.error("not ready: {cause}", { cause: String(error.cause ?? error) }),
    );
    await endSignal();
    await server.close();
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof SettingsError)) {
      console.error(`error: ${error instanceof Error ? error.message : error}`);
      return EXIT.failed;
    }
    for (const problem of error.problems) console.error(`error: ${problem}`);
    return EXIT.usage;
  }
}

function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => resolve());
    }
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
