/**
 * `deno run functions/permissions.ts serve`: prints the flags with which that program may do what its
 * settings ask for, and nothing else. `deno task serve`, `edge` and `worker` start with them.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { moduleAddress } from "@denoise/loading";
import { packagesFolder } from "./engine/child_process.ts";
import { readSettings, type Settings, SettingsError } from "./settings.ts";

/** The programs. */
export type ProgramName = "serve" | "edge" | "worker";

/** Variables by their names. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Addresses that no program has to reach: those at which clouds tell their machines' secrets. */
const DENIED = ["169.254.0.0/16"];
/** Addresses inside of networks, which a server that has nothing there has not to reach either. */
const INSIDE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/** Where repos of the Hub come from. */
const HUB_HOSTS = ["huggingface.co", "*.huggingface.co", "*.hf.co"];

/** The flags for a program under these variables; for settings that are wrong, what it takes to say so. */
export function permissionsOf(program: ProgramName, env: Environment): string[] {
  let settings: Settings;
  try {
    settings = readSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return ["--allow-env", "--allow-read"];
    throw error;
  }
  const hub = fromHub(settings, program, env);
  const read = list("read", [
    ".",
    packagesFolder(),
    ...foldersOf(settings.plugins),
    ...program === "edge" ? [] : folders(settings, env),
    ...storageFolders(settings),
    ...env["DENOISE_KEYS"] ? [env["DENOISE_KEYS"]] : [],
    ...hub.folders,
  ]);
  const write = list("write", [...storageFolders(settings), ...hub.folders]);
  const run = program === "edge" || settings.engine === "inline" ? [] : list("run", [
    Deno.execPath(),
    ...settings.engineMemory === undefined ? [] : ["prlimit"],
  ]);
  const inline = settings.engine === "inline" && program !== "edge" ? ["--allow-ffi"] : [];
  return [
    "--allow-env",
    ...read,
    ...write,
    ...netFlags(settings, env, hub),
    ...importFlags(settings.plugins, env),
    ...run,
    ...inline,
  ];
}

/**
 * What may be reached. Webhooks go to addresses that callers name, and are checked when they are sent; a
 * Hub elsewhere says by itself where its files lie.
 */
function netFlags(settings: Settings, env: Environment, hub: Hub): string[] {
  const { host, port, probePort, redisUrl, storage, webhookSecret } = settings;
  const name = host.includes(":") ? `[${host}]` : host;
  const isInside = redisUrl !== undefined || storage.kind === "s3" || hub.isElsewhere ||
    env["OTEL_DENO"] ||
    /^(10|172|192)\./.test(host);
  const denied = `--deny-net=${[...DENIED, ...isInside ? [] : INSIDE].sort().join(",")}`;
  if (webhookSecret !== undefined || hub.isElsewhere) return ["--allow-net", denied];
  const hosts = [
    ...[port, probePort].filter((number) => number !== undefined)
      .map((number) => number === 0 ? name : `${name}:${number}`), // the server asks itself
    ...redisUrl === undefined ? [] : [hostOf(redisUrl, 6379)],
    ...storage.kind === "s3" ? [hostOf(storage.endpoint)] : [],
    ...env["OTEL_DENO"] && env["OTEL_EXPORTER_OTLP_ENDPOINT"]
      ? [hostOf(env["OTEL_EXPORTER_OTLP_ENDPOINT"])]
      : [],
    ...hub.hosts,
  ];
  return [`--allow-net=${[...new Set(hosts)].join(",")}`, `--deny-net=${DENIED}`];
}

/** Host and port of an address. */
function hostOf(address: string, standard?: number): string {
  const { hostname, port, protocol } = new URL(address);
  return `${hostname}:${port || standard || (protocol === "https:" ? 443 : 80)}`;
}

const isFolder = (location: string): boolean =>
  /^[./~]|^[A-Za-z]:|\\/.test(location) || location.split("/").length > 2;
const isEmbedded = (location: string): boolean => location.startsWith("denoise/");

/** The folders of models that are here. */
function folders({ models, controlNets }: Settings, env: Environment): string[] {
  return [...models, ...controlNets].map(({ location }) => location).filter(isFolder)
    .map((folder) => folder.replace(/^~(?=[/\\]|$)/, () => env["HOME"] ?? "~"));
}

/** Where models come from, and where they are kept. */
interface Hub {
  readonly hosts: readonly string[];
  readonly isElsewhere: boolean;
  readonly folders: readonly string[];
}

/** What it takes to fetch models from the Hub, or where `DENOISE_MIRROR` says, and to keep them. */
function fromHub(
  { models, controlNets }: Settings,
  program: ProgramName,
  env: Environment,
): Hub {
  const isNeeded = program !== "edge" &&
    [...models, ...controlNets].some(({ location }) =>
      !isFolder(location) && !isEmbedded(location)
    );
  const home = env["HOME"] ?? env["USERPROFILE"] ?? ".";
  const cache = env["XDG_CACHE_HOME"] ?? `${home}/.cache`;
  const own = env["DENOISE_CACHE"] ?? `${cache}/denoise`;
  // out of a registry the models that ship are laid there
  const isUnpacked = program !== "edge" && !import.meta.url.startsWith("file:");
  if (!isNeeded) return { hosts: [], isElsewhere: false, folders: isUnpacked ? [own] : [] };
  const mirror = env["DENOISE_MIRROR"]?.replace(/^s3\+(?=https?:)/, "");
  const endpoint = env["HF_ENDPOINT"] || "https://huggingface.co";
  const isElsewhere = !/^https:\/\/([\w-]+\.)*(huggingface|hf)\.co(\/|$)/.test(endpoint);
  const hf = env["HF_HOME"] ?? `${cache}/huggingface`;
  const hosts = mirror !== undefined && /^https?:/.test(mirror) ? [hostOf(mirror)] : [];
  const named = [env["HF_HUB_CACHE"], env["HUGGINGFACE_HUB_CACHE"]].filter((path) =>
    path !== undefined
  );
  return { hosts: [...HUB_HOSTS, ...hosts], isElsewhere, folders: [hf, own, ...named] };
}

function storageFolders({ storage }: Settings): string[] {
  return storage.kind === "folder" ? [storage.folder] : [];
}

/** The folders of plugins that are files here. */
function foldersOf(plugins: readonly string[]): string[] {
  return plugins.map(moduleAddress).filter((address) => address.startsWith("file:"))
    .map((address) => fileURLToPath(new URL("./", address)));
}

/** What comes from a registry, plugins or the server itself, may import what JSR and its own host have. */
function importFlags(plugins: readonly string[], env: Environment): string[] {
  const remote = [import.meta.url, ...plugins.map(moduleAddress)]
    .filter((address) => !/^(file|data):/.test(address));
  if (remote.length === 0) return [];
  const addresses = [env["JSR_URL"] ?? "https://jsr.io", ...remote];
  const hosts = addresses.filter((address) => /^https?:/.test(address))
    .map((address) => new URL(address).host);
  return [`--allow-import=${[...new Set(hosts)].join(",")}`];
}

/** A flag with what it allows; the shell of tasks splits at spaces, so where there are some it allows all. */
function list(kind: "read" | "write" | "run", values: readonly string[]): string[] {
  const unique = [...new Set(values)];
  if (unique.length === 0) return [];
  const broken = unique.find((value) => /[\s,]/.test(value));
  if (broken === undefined) return [`--allow-${kind}=${unique.join(",")}`];
  console.error(`note: --allow-${kind} is not narrowed: ${JSON.stringify(broken)} has spaces`);
  return [`--allow-${kind}`];
}

if (import.meta.main) {
  const [program] = Deno.args;
  if (program !== "serve" && program !== "edge" && program !== "worker") {
    console.error("usage: permissions.ts serve|edge|worker");
    Deno.exit(2);
  }
  console.log(permissionsOf(program, Deno.env.toObject()).join(" "));
}
