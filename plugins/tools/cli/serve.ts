import { needsDeno, VERSION } from "@denoise/core";
import { type Command, Option } from "commander";
import { integer, several } from "./options.ts";
import { PLUGIN } from "./plugins.ts";

interface ServeFlags {
  readonly port?: number;
  readonly host?: string;
  readonly model: readonly string[];
  readonly key: readonly string[];
  readonly plugin: readonly string[];
  readonly device?: string;
  readonly dtype?: string;
  readonly quantization?: string;
  readonly loras?: string;
  readonly controlnet: readonly string[];
  readonly set: readonly string[];
  readonly settings?: true;
}

/** A module of the server: the one beside us in a checkout, else that of the registry. */
function moduleOf(name: "serve" | "permissions"): string {
  return import.meta.url.startsWith("file:")
    ? import.meta.resolve(`@denoise/functions/${name}`)
    : `jsr:@denoise/functions@^${VERSION}/${name}`;
}

/** What the server's module of permissions has. */
interface Permissions {
  /** Flags with which a program may do what its settings ask for, and nothing else. */
  permissionsOf(program: "serve", env: Readonly<Record<string, string>>): string[];
}

/** A heap that grows in small steps, as the task `serve` has it. */
const V8 = "--v8-flags=--heap-growing-percent=50,--max-semi-space-size=4";

/** Settings of the server, from flags; what is not given is left to the environment. */
export function settingsOf(flags: ServeFlags): Record<string, string> {
  const named = {
    DENOISE_PORT: flags.port,
    DENOISE_HOST: flags.host,
    DENOISE_MODELS: flags.model.join(","),
    DENOISE_API_KEYS: flags.key.join(","),
    DENOISE_PLUGINS: flags.plugin.join(","),
    DENOISE_DEVICE: flags.device,
    DENOISE_DTYPE: flags.dtype,
    DENOISE_QUANTIZATION: flags.quantization,
    DENOISE_LORAS: flags.loras,
    DENOISE_CONTROLNETS: flags.controlnet.join(","),
  };
  const given = Object.entries(named).filter(([_, value]) => value !== undefined && value !== "")
    .map(([name, value]) => [name, String(value)] as const);
  const more = flags.set.map((text) => {
    const [_, name, value] = text.match(/^(\w+)=(.*)$/s) ?? [];
    if (name === undefined) {
      throw new TypeError(`Cannot set ${JSON.stringify(text)}: write NAME=VALUE`);
    }
    return [`DENOISE_${name.toUpperCase().replace(/^DENOISE_/, "")}`, value!] as const;
  });
  return Object.fromEntries([...given, ...more]);
}

/** Adds `serve`. */
export function addServe(command: Command): void {
  command.command("serve")
    .description("serve images over HTTP, with a playground in the browser")
    .option("-p, --port <n>", "port to listen on, 0 for any; 8000 by default", integer(0, 65_535))
    .option("--host <address>", "address to listen on; 127.0.0.1 by default")
    .option("-m, --model <id>", "a model, or NAME=ID; repeatable", several(String), [])
    .option(
      "--key <key>",
      "a key that may ask, of 8 characters or more, or NAME:KEY; repeatable",
      several(String),
      [],
    )
    .option("-d, --device <device>", "cpu, cuda, tensorrt, webgpu, coreml or dml")
    .option("--dtype <type>", "float32, float16 or bfloat16")
    .addOption(
      new Option("--quantization <kind>", "smaller weights").choices(["int8", "int4"]),
    )
    .option("--loras <folder>", "LoRAs that prompts can name")
    .option(
      "--controlnet <id>",
      "a ControlNet that requests can name, or NAME=ID; repeatable",
      several(String),
      [],
    )
    .option(...PLUGIN)
    .option("--set <name=value>", "any other setting; repeatable", several(String), [])
    .option("--settings", "list all settings, and end")
    .action(async (flags: ServeFlags) => {
      needsDeno("The server", "run `npx deno run -A jsr:@denoise/functions/serve`");
      const env = settingsOf(flags);
      const { permissionsOf }: Permissions = await import(moduleOf("permissions"));
      const permissions = permissionsOf("serve", { ...Deno.env.toObject(), ...env });
      const more = flags.settings ? ["--help"] : [];
      const program = [moduleOf("serve"), "--until-stdin-ends", ...more];
      const args = ["run", "--quiet", V8, ...permissions, ...program];
      const child = new Deno.Command(Deno.execPath(), { args, env, stdin: "piped" }).spawn();
      const forward = (signal: Deno.Signal) => () => {
        try {
          child.kill(signal);
        } catch {
          // it has ended already
        }
      };
      const [term, interrupt] = [forward("SIGTERM"), forward("SIGINT")];
      Deno.addSignalListener("SIGTERM", term);
      Deno.addSignalListener("SIGINT", interrupt);
      const { code } = await child.status;
      Deno.removeSignalListener("SIGTERM", term);
      Deno.removeSignalListener("SIGINT", interrupt);
      if (code !== 0) Deno.exit(code);
    });
}
