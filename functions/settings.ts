import type { Device, TorchDtype } from "@denoise/core";
import { DEFAULT_LIMITS, type Limits, MAX_SECONDS } from "./contract/limits.ts";
import type { ModelSpec } from "./engine/engine.ts";
import type { ApiKey } from "./http/auth.ts";
import { readKeys } from "./http/key_file.ts";
import { SETTINGS } from "./settings_table.ts";

/** The settings of `serve`, from DENOISE_* variables. */
export interface Settings {
  /** Models to load. */
  readonly models: readonly ModelSpec[];
  /** Modules of plugins beside the built-in ones. */
  readonly plugins: readonly string[];
  /** Other names of models. */
  readonly modelAliases: Readonly<Record<string, string>>;
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on. */
  readonly port: number;
  /** Port on which probes and metrics alone are answered, without a key. */
  readonly probePort: number | undefined;
  /** Who may ask. */
  readonly keys: readonly ApiKey[];
  /** Where models compute; one engine for each. */
  readonly devices: readonly Device[];
  /** In which type weights are held. */
  readonly torchDtype: TorchDtype;
  /** How weights are made smaller. */
  readonly quantization: "int8" | "int4" | undefined;
  /** Which weights. */
  readonly variant: string | undefined;
  /** Threads of one operator. */
  readonly threads: number | undefined;
  /** Bytes of stored weights on a card. */
  readonly gpuMemoryLimit: number | undefined;
  /** The folder of the LoRAs that prompts can name. */
  readonly loraFolder: string | undefined;
  /** The ControlNets that requests can name. */
  readonly controlNets: readonly ModelSpec[];
  /** Where models run. */
  readonly engine: "child" | "inline";
  /** Least milliseconds of silence after which the engine is taken for hung. */
  readonly silentMs: number;
  /** Milliseconds in which models have to load. */
  readonly loadMs: number;
  /** Bytes of memory that the engine can have. */
  readonly engineMemory: number | undefined;
  /** Models that are in memory at once. */
  readonly maxLoaded: number | undefined;
  /** Bytes of weights that are in memory at once. */
  readonly maxModelBytes: number | undefined;
  /** Public names of models that stay in memory. */
  readonly pinned: readonly string[];
  /** Jobs that may wait. */
  readonly queueLimit: number;
  /** What a request may ask for. */
  readonly limits: Limits;
  /** Jobs that failed by a fault of the server and are kept for those who run it. */
  readonly maxDeadLetters: number;
  /** For requests under way at the end, in milliseconds. */
  readonly drainMs: number;
  /** Web pages that may ask. */
  readonly corsOrigins: readonly string[];
  /** Redis over which edges and workers share a queue. */
  readonly redisUrl: string | undefined;
  /** After how long a silent worker is taken for dead, in milliseconds. */
  readonly lockMs: number;
  /** Where results go. */
  readonly storage: StorageSettings;
  /** Where callers reach the server. */
  readonly publicUrl: string | undefined;
  /** What webhooks are signed with; they are off where it is undefined. */
  readonly webhookSecret: string | undefined;
  /** What addresses of stored files are signed with. */
  readonly addressSecret: string | undefined;
  /** What is logged. */
  readonly logLevel: "debug" | "info" | "warning" | "error";
}

/** Where results go. */
export type StorageSettings =
  | { readonly kind: "memory" }
  | { readonly kind: "folder"; readonly folder: string; readonly ttlMs: number | undefined }
  | {
    readonly kind: "s3";
    readonly endpoint: string;
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };

/** The mistakes in the settings, one line each. */
export class SettingsError extends Error {
  /** One line each. */
  readonly problems: readonly string[];

  /** Makes the error of those problems. */
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "SettingsError";
    this.problems = problems;
  }
}

const megabytes = (count: number | undefined) => count === undefined ? undefined : 1e6 * count;

const DEVICE = /^(cpu|cuda|tensorrt|webgpu|coreml|dml)(:\d+)?$/;

/**
 * Reads and checks the settings.
 *
 * @param env The environment.
 * @throws {SettingsError} with every mistake, not the first alone.
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const read = new Reader(env);
  const seconds = (name: string, standard: number, min: number): number =>
    1000 * read.integer(name, standard, min, 86_400);
  const maybeSeconds = (name: string): number | undefined => {
    const count = read.maybeInteger(name, 1, 86_400);
    return count === undefined ? undefined : 1000 * count;
  };
  const revision = read.text("DENOISE_REVISION");
  const pipelines = read.pairs(
    "DENOISE_PIPELINES",
    "NAME=CLASS",
    "emoji=StableDiffusionPAGPipeline",
  );
  const settings: Settings = {
    models: read.models("DENOISE_MODELS", "denoise/emoji", revision)
      .map((model) => ({
        ...model,
        ...Object.hasOwn(pipelines, model.id) && { pipeline: pipelines[model.id] },
      })),
    plugins: read.list("DENOISE_PLUGINS"),
    modelAliases: read.pairs("DENOISE_MODEL_ALIASES", "NAME=MODEL", "gpt-image-*=emoji"),
    host: read.text("DENOISE_HOST") ?? "127.0.0.1",
    port: read.integer(env["DENOISE_PORT"] ? "DENOISE_PORT" : "PORT", 8000, 0, 65_535),
    probePort: read.maybeInteger("DENOISE_PROBE_PORT", 0, 65_535),
    keys: [
      ...read.keys("DENOISE_API_KEYS"),
      ...read.keyFile("DENOISE_KEYS"),
      ...read.operatorKey("DENOISE_OPERATOR_KEY"),
    ],
    devices: read.devices("DENOISE_DEVICE"),
    loadMs: seconds("DENOISE_LOAD_SECONDS", 1_800, 1),
    torchDtype: read.oneOf("DENOISE_DTYPE", "float32", ["float32", "float16", "bfloat16"]),
    quantization: read.maybeOneOf("DENOISE_QUANTIZATION", ["int8", "int4"]),
    variant: read.text("DENOISE_VARIANT"),
    threads: read.maybeInteger("DENOISE_THREADS", 1, 1024),
    gpuMemoryLimit: megabytes(read.maybeInteger("DENOISE_GPU_MEMORY_MB", 1, 10_000_000)),
    loraFolder: read.text("DENOISE_LORAS"),
    controlNets: read.models("DENOISE_CONTROLNETS", undefined, undefined),
    engine: read.oneOf("DENOISE_ENGINE", "child", ["child", "inline"]),
    silentMs: seconds("DENOISE_HANG_SECONDS", 60, 1),
    engineMemory: megabytes(read.maybeInteger("DENOISE_ENGINE_MEMORY_MB", 256, 10_000_000)),
    maxLoaded: read.maybeInteger("DENOISE_MAX_LOADED", 1, 1_000),
    maxModelBytes: megabytes(read.maybeInteger("DENOISE_MODEL_MEMORY_MB", 1, 10_000_000)),
    pinned: read.list("DENOISE_PINNED_MODELS"),
    queueLimit: read.integer("DENOISE_QUEUE_LIMIT", 64, 1, 100_000),
    limits: {
      ...DEFAULT_LIMITS,
      maxSteps: read.integer("DENOISE_MAX_STEPS", DEFAULT_LIMITS.maxSteps, 1, 1000),
      maxImages: read.integer("DENOISE_MAX_IMAGES", DEFAULT_LIMITS.maxImages, 1, 64),
      maxSide: read.integer("DENOISE_MAX_SIDE", DEFAULT_LIMITS.maxSide, 64, 16_384),
      maxPixels: read.maybeInteger("DENOISE_MAX_PIXELS", 4096, 2 ** 31),
      maxSeconds: read.maybeInteger("DENOISE_MAX_SECONDS", 1, MAX_SECONDS),
      maxHeldBytes: 1_000_000 * read.integer("DENOISE_UPLOAD_MEMORY_MB", 512, 32, 1_000_000),
      jobTimeoutMs: seconds("DENOISE_JOB_TIMEOUT_SECONDS", 600, 1),
      queueTimeoutMs: maybeSeconds("DENOISE_QUEUE_TIMEOUT_SECONDS"),
      runTimeoutMs: maybeSeconds("DENOISE_RUN_TIMEOUT_SECONDS"),
      resultTtlMs: seconds("DENOISE_RESULT_TTL_SECONDS", 600, 1),
      requestsPerMinute: read.integer("DENOISE_RATE_LIMIT", 0, 0, 1_000_000),
    },
    maxDeadLetters: read.integer("DENOISE_DEAD_LETTERS", 100, 0, 1_000),
    drainMs: seconds("DENOISE_DRAIN_SECONDS", 30, 0),
    corsOrigins: read.origins("DENOISE_CORS_ORIGINS"),
    redisUrl: read.address("DENOISE_REDIS_URL", "redis://localhost:6379", /^rediss?:$/),
    lockMs: seconds("DENOISE_LOCK_SECONDS", 30, 1),
    storage: read.storage(),
    publicUrl: read.address("DENOISE_PUBLIC_URL", "https://example.com", /^https?:$/),
    webhookSecret: read.secret("DENOISE_WEBHOOK_SECRET"),
    addressSecret: read.text("DENOISE_ADDRESS_SECRET"),
    logLevel: read.oneOf("DENOISE_LOG_LEVEL", "info", ["debug", "info", "warning", "error"]),
  };
  const names = settings.keys.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    read.problems.push(
      `DENOISE_API_KEYS, DENOISE_KEYS: two keys are called ${JSON.stringify(twice)}`,
    );
  }
  const named = {
    DENOISE_PINNED_MODELS: settings.pinned,
    DENOISE_PIPELINES: Object.keys(pipelines),
  };
  for (const [variable, ids] of Object.entries(named)) {
    const stranger = ids.find((name) => !settings.models.some(({ id }) => id === name));
    if (stranger === undefined) continue;
    read.problems.push(`${variable}: DENOISE_MODELS has no ${JSON.stringify(stranger)}`);
  }
  read.refuseUnknown();
  if (read.problems.length > 0) throw new SettingsError(read.problems);
  return settings;
}

/** Whether an address is this machine's own, which nobody else reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Reads variables and collects what is wrong with them. */
class Reader {
  readonly problems: string[] = [];
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  text(name: string): string | undefined {
    return this.#env[name]?.trim() || undefined;
  }

  list(name: string): string[] {
    return (this.text(name) ?? "").split(",").map((item) => item.trim()).filter(Boolean);
  }

  pairs(name: string, form: string, example: string): Readonly<Record<string, string>> {
    const pairs = this.list(name).map((item) => item.split("=", 2).map((part) => part.trim()));
    if (pairs.every(([from, to]) => from && to)) return Object.fromEntries(pairs);
    return this.#wrong(name, `must be ${form}, such as ${example}`, {});
  }

  integer(name: string, standard: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === undefined) return standard;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    return this.#wrong(name, `must be an integer from ${min} to ${max}`, standard);
  }

  maybeInteger(name: string, min: number, max: number): number | undefined {
    return this.text(name) === undefined ? undefined : this.integer(name, min, min, max);
  }

  oneOf<const T extends string>(name: string, standard: T, words: readonly T[]): T {
    const text = this.text(name);
    const found = words.find((word) => word === text);
    if (text === undefined || found !== undefined) return found ?? standard;
    return this.#wrong(name, `must be ${words.join(" or ")}`, standard);
  }

  maybeOneOf<const T extends string>(name: string, words: readonly T[]): T | undefined {
    return this.text(name) === undefined ? undefined : this.oneOf(name, words[0]!, words);
  }

  devices(name: string): Device[] {
    const devices = this.text(name) === undefined ? ["cpu"] : this.list(name);
    if (devices.length > 0 && devices.every((device) => DEVICE.test(device))) {
      return devices as Device[];
    }
    return this.#wrong(name, "must be cpu, cuda, cuda:1 and so on, or cuda:0,cuda:1", []);
  }

  models(name: string, standard: string | undefined, revision: string | undefined): ModelSpec[] {
    const isOpen = this.text(name) === undefined && standard !== undefined;
    const items = isOpen ? [standard] : this.list(name);
    const models = items.map((item) => {
      const at = item.indexOf("=");
      const location = item.slice(at + 1).trim();
      return { id: at < 0 ? publicName(location) : item.slice(0, at).trim(), location, revision };
    });
    const ids = models.map(({ id }) => id);
    const twice = ids.find((id, i) => ids.indexOf(id) !== i);
    if (twice !== undefined) this.#wrong(name, `names ${twice} twice`, undefined);
    if (models.some(({ id, location }) => id === "" || location === "")) {
      this.#wrong(name, "must be ids or folders, or NAME=WHERE, separated by commas", undefined);
    }
    return models;
  }

  keys(name: string): ApiKey[] {
    return this.list(name).map((item, i) => {
      const [, label = `key-${i + 1}`, key = ""] = item.match(/^(?:([\w.-]+):)?(\S+)$/) ?? [];
      if (key.length < 8) {
        this.problems.push(`${name}: key ${i + 1} must be at least 8 characters without spaces`);
      }
      return { name: label, key };
    });
  }

  /** The key of those who run the server. */
  operatorKey(name: string): ApiKey[] {
    const key = this.text(name);
    if (key === undefined) return [];
    if (/^\S{8,1000}$/.test(key)) return [{ name: "operator", key, isOperator: true }];
    this.problems.push(`${name}: must be at least 8 characters without spaces`);
    return [];
  }

  /** Keys with quotas, from a file of JSON. */
  keyFile(name: string): ApiKey[] {
    const path = this.text(name);
    if (path === undefined) return [];
    try {
      return readKeys(Deno.readTextFileSync(path));
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return this.#wrong(name, `must be a file of keys: ${problem}`, []);
    }
  }

  origins(name: string): string[] {
    const items = this.list(name);
    const wrong = items.find((item) =>
      item !== "*" && (!URL.canParse(item) || new URL(item).origin !== item)
    );
    if (wrong === undefined) return items;
    return this.#wrong(name, "must be * or origins such as https://example.com", []);
  }

  address(name: string, example: string, protocol: RegExp): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (URL.canParse(text) && protocol.test(new URL(text).protocol)) {
      return text.replace(/\/+$/, "");
    }
    return this.#wrong(name, `must be an address such as ${example}`, undefined);
  }

  secret(name: string): string | undefined {
    const text = this.text(name);
    if (
      text === undefined ||
      /^whsec_(?:[A-Za-z0-9+/]{4}){8,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ) {
      return text;
    }
    this.problems.push(`${name}: must be whsec_ and at least 24 bytes in base64`);
    return undefined;
  }

  storage(): StorageSettings {
    const text = this.text("DENOISE_STORAGE") ?? "memory";
    if (text === "memory") return { kind: "memory" };
    if (!/^\w+(\+\w+)?:/.test(text)) {
      const seconds = this.integer("DENOISE_STORAGE_TTL_SECONDS", 86_400, 0, 10 ** 9);
      return { kind: "folder", folder: text, ttlMs: seconds === 0 ? undefined : 1000 * seconds };
    }
    const endpoint = text.replace(/^s3\+/, "");
    const accessKeyId = this.text("DENOISE_S3_KEY_ID") ?? "";
    const secretAccessKey = this.text("DENOISE_S3_SECRET") ?? "";
    if (!/^s3\+https?:\/\/[^/]+\/./.test(text) || !URL.canParse(endpoint)) {
      const words = "must be memory, a folder, or s3+https://HOST/BUCKET";
      return this.#wrong("DENOISE_STORAGE", words, { kind: "memory" });
    }
    if (accessKeyId === "" || secretAccessKey === "") {
      this.problems.push("DENOISE_STORAGE: needs DENOISE_S3_KEY_ID and DENOISE_S3_SECRET too");
    }
    const region = this.text("DENOISE_S3_REGION") ?? "auto";
    return { kind: "s3", endpoint, region, accessKeyId, secretAccessKey };
  }

  /** A variable that is misspelt would be a setting that silently does not hold. */
  refuseUnknown(): void {
    const known = new Set(SETTINGS.map(({ name }) => name));
    for (const name of Object.keys(this.#env)) {
      if (!name.startsWith("DENOISE_") || known.has(name) || OTHERS.test(name)) continue;
      this.problems.push(`${name}: there is no such setting; --help lists them`);
    }
  }

  #wrong<T>(name: string, wanted: string, standard: T): T {
    this.problems.push(`${name}: ${wanted}, but is ${JSON.stringify(this.#env[name])}`);
    return standard;
  }
}

/** Variables of other parts of the project. */
const OTHERS = /^DENOISE_(DEBUG|SEED|CACHE|MIRROR|HUB|BENCH|REFERENCE)(_|$)/;

/** The last part of a folder's path; a Hub id (one or two parts) as it is. */
function publicName(location: string): string {
  const isFolder = /^[./~]|^[A-Za-z]:|[/\\].*[/\\]/.test(location);
  return isFolder ? location.replace(/[/\\]+$/, "").split(/[/\\]/).at(-1)! : location;
}
