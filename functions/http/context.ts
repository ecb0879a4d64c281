import type { Context } from "hono";
import type { ByteAccount } from "../queue/byte_budget.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { Quota } from "../contract/quota.ts";
import type { Limits } from "../contract/limits.ts";
import type { ServingEngine } from "../engine/engine.ts";
import type { JobQueue } from "../queue/queue.ts";
import type { WebhookSettings } from "../doors/predictions/webhooks.ts";
import type { Store } from "../storage/store.ts";

/** Which models there are, and whether they are ready; an engine is one. */
export type ModelCatalog = Pick<ServingEngine, "state" | "restarts" | "ready" | "devices">;

/** What every door works with. */
export interface DoorContext {
  /** The models. */
  readonly models: ModelCatalog;
  /** The models, once they are loaded; holds a request until then. */
  readonly readyModels: (signal: AbortSignal) => Promise<readonly ModelInfo[]>;
  /** Other names of models, such as `gpt-image-*`. */
  readonly modelAliases: Readonly<Record<string, string>>;
  /** Where jobs go. */
  readonly queue: JobQueue;
  /** What a request may ask for. */
  readonly limits: Limits;
  /** Where images go whose address is asked for. */
  readonly store: Store;
  /** Whether results are addresses in the store; they are in the reply itself otherwise. */
  readonly storesResults: boolean;
  /** Class names of the schedulers at hand. */
  readonly schedulers: readonly string[];
  /** Where callers reach this server. Defaults to the address of their request. */
  readonly publicUrl: string | undefined;
  /** How callers are notified over webhooks; they are off where this is undefined. */
  readonly webhooks: WebhookSettings | undefined;
  /** What an owner may ask for, where that is less than what all may. */
  readonly quotaOf: (owner: string) => Quota;
  /** Whether an owner's key is of those who run the server. */
  readonly isOperator: (owner: string) => boolean;
  /** Whether an address of a stored file was made here, and is still valid. */
  readonly isValidAddress: (key: string, query: URLSearchParams) => boolean;
  /** Whether the server is going down. */
  readonly isDraining: () => boolean;
}

/** What the app's middleware leaves for handlers. */
export interface AppEnv {
  /** What is known of the connection. */
  Bindings: { readonly remoteAddress?: string | undefined };
  /** Values of one request. */
  Variables: {
    /** Name of the API key; `anonymous` where there are no keys. */
    owner: string;
    /** The `x-request-id` of the reply. */
    requestId: string;
    /** The memory that its body takes; undefined for requests that need no key. */
    account: ByteAccount | undefined;
  };
}

/** A request in the app. */
export type AppContext = Context<AppEnv>;

/** Where the caller reaches this server. */
export function baseUrl(c: AppContext, { publicUrl }: DoorContext): string {
  return publicUrl ?? new URL(c.req.url).origin;
}
