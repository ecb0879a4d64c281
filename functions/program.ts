/**
 * What the programs `serve`, `edge` and `worker` have in common: settings, log, signals, exit codes.
 *
 * @module
 */
import { VERSION } from "@denoise/core";
import { configure, getConsoleSink } from "@logtape/logtape";
import { jsonLines } from "./observe/log.ts";
import { readSettings, type Settings, SettingsError } from "./settings.ts";
import { SETTINGS } from "./settings_table.ts";

/** Exit codes: all went well, the work failed, the settings or the command line are wrong. */
const EXIT = { done: 0, failed: 1, usage: 2 } as const;

const FLAGS: readonly string[] = ["--insecure", "--until-stdin-ends", "--help"];

/** What a program does. */
export interface Program {
  /** Its name. */
  readonly name: string;
  /** What it is, in one line. */
  readonly summary: string;
  /** Starts it; says what there is to say. */
  start(
    settings: Settings,
    options: { readonly insecure: boolean },
  ): Promise<{ close(): Promise<void> }>;
}

function usage({ name, summary }: Program): string {
  const settings = SETTINGS.map(({ name, standard, doc }) =>
    `  ${name}\n      ${doc} [${standard}]`
  );
  return `denoise ${VERSION}: ${summary}

usage: ${name} [--insecure] [--until-stdin-ends] [--help]

  --insecure           listen on a public address without keys
  --until-stdin-ends   end when standard input does, as the program's that started this one
  --help               this text

Settings (environment):
${settings.join("\n")}`;
}

/** Runs until it is asked to end; resolves to the exit code. */
export async function runProgram(program: Program, args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => !FLAGS.includes(arg));
  if (unknown !== undefined) {
    console.error(`error: there is no option ${JSON.stringify(unknown)}; --help lists them`);
    return EXIT.usage;
  }
  if (args.includes("--help")) {
    console.log(usage(program));
    return EXIT.done;
  }
  try {
    const settings = readSettings(Deno.env.toObject());
    await configureLog(settings.logLevel);
    const ended = Promise.race([
      endSignal(),
      ...(args.includes("--until-stdin-ends") ? [inputEnd()] : []),
    ]);
    const running = await program.start(settings, { insecure: args.includes("--insecure") });
    await ended;
    await running.close();
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

/** A pipe ends with the program at its other end, however that ended. */
async function inputEnd(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
}

/** Everything goes to standard error, as JSON lines. */
async function configureLog(lowestLevel: Settings["logLevel"]): Promise<void> {
  const levels = ["trace", "debug", "info", "warning", "error", "fatal"] as const;
  const levelMap = Object.fromEntries(levels.map((level) => [level, "error"])) as Record<
    typeof levels[number],
    "error"
  >;
  const console = getConsoleSink({ formatter: jsonLines, levelMap });
  await configure({
    sinks: { console },
    loggers: [
      { category: "denoise", lowestLevel, sinks: ["console"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["console"] },
    ],
  });
}
