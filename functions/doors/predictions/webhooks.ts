import { createHmac } from "node:crypto";
import { invalid } from "../../contract/errors.ts";
import { isLast, type JobEvent } from "../../contract/job.ts";
import { guardedPost } from "../../http/guarded_post.ts";
import { log } from "../../observe/log.ts";
import type { JobQueue } from "../../queue/queue.ts";

/** How callers are notified over webhooks. */
export interface WebhookSettings {
  /** What messages are signed with: `whsec_` and base64. */
  readonly secret: string;
  /** Which addresses may be reached. Defaults to those of the public internet. */
  readonly allows?: ((address: string) => boolean) | undefined;
}

/** When a webhook is called, under Replicate's names. */
export const WEBHOOK_EVENTS = ["start", "output", "logs", "completed"] as const;

/** When a webhook is called. */
export type WebhookEvent = typeof WEBHOOK_EVENTS[number];

/** Where and when a caller wants to be notified. */
export interface Webhook {
  /** Where. */
  readonly url: URL;
  /** When. */
  readonly events: readonly WebhookEvent[];
}

/** How often a message is sent at most, and how long the first pause is, in milliseconds. */
const ATTEMPTS = 4;
const PAUSE_MS = 500;

/** The webhook that a request names, checked. */
export function readWebhook(
  address: string | undefined,
  events: readonly WebhookEvent[] | undefined,
  settings: WebhookSettings | undefined,
): Webhook | undefined {
  if (address === undefined) return undefined;
  if (settings === undefined) {
    throw invalid("webhook", "webhook must be left out: webhooks are off on this server");
  }
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const secure = url?.protocol === "https:" || url?.protocol === "http:" && settings.allows;
  if (url === undefined || !secure || url.username !== "") {
    throw invalid("webhook", "webhook must be an https address without a user");
  }
  return { url, events: events ?? WEBHOOK_EVENTS };
}

/**
 * The headers by which a receiver knows that a message is this server's (Standard Webhooks):
 * HMAC-SHA256 of `id.timestamp.body`.
 */
export function signature(secret: string, id: string, body: string): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Uint8Array.fromBase64(secret.replace(/^whsec_/, ""));
  const mac = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${mac}`,
  };
}

function eventOf(event: JobEvent): WebhookEvent | undefined {
  if (event.type === "started") return event.attempt === 1 ? "start" : undefined;
  if (event.type === "warning") return "logs";
  if (event.type === "succeeded") return "output";
  return undefined;
}

/**
 * Follows a job and tells its webhook, in order. What cannot be delivered is logged.
 *
 * @param describe The prediction as it is now.
 */
export async function tellWebhook(
  queue: JobQueue,
  id: string,
  { url, events }: Webhook,
  { secret, allows }: WebhookSettings,
  describe: () => Promise<object>,
): Promise<void> {
  const tell = async (name: WebhookEvent): Promise<void> => {
    if (!events.includes(name)) return;
    const body = JSON.stringify(await describe());
    const message = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const headers = { "content-type": "application/json", ...signature(secret, message, body) };
      try {
        const status = await guardedPost(url, body, { headers, allows });
        if (status < 500 && status !== 429) return;
      } catch (error) {
        log.warn("webhook of {id} at {host}: {error}", {
          id,
          host: url.host,
          error: String(error),
        });
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** (attempt - 1)));
    }
  };
  try {
    for await (const event of queue.follow(id)) {
      const name = eventOf(event);
      if (name !== undefined) await tell(name);
      if (isLast(event)) await tell("completed");
    }
  } catch (error) {
    log.warn("webhook of {id} ended: {error}", { id, error: String(error) });
  }
}
