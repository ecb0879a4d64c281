import { z } from "@hono/zod-openapi";
import type { ApiKey } from "./auth.ts";
import { check } from "./body.ts";
import { flag, integer, oneOf, optional } from "./fields.ts";

const Key = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,100}$/, { error: "must be letters, digits, ., _ or -" }),
  key: z.string().regex(/^\S{8,1000}$/, { error: "must be 8 characters or more without spaces" }),
  places: optional(integer(1, 100_000)),
  requests_per_minute: optional(integer(1, 1_000_000)),
  max_steps: optional(integer(1, 1_000)),
  max_pixels: optional(integer(4_096, 2 ** 31)),
  priority: optional(oneOf("interactive", "batch")),
  operator: optional(flag()),
});

/**
 * Keys with their quotas from a file's text.
 *
 * @throws {Error} that says what is wrong.
 */
export function readKeys(text: string): ApiKey[] {
  const value: unknown = JSON.parse(text);
  const keys = check(z.array(Key, { error: "must be a list of keys" }), value, "keys");
  const twice = keys.find(({ name }, i) => keys.findIndex((key) => key.name === name) !== i);
  if (twice !== undefined) throw new Error(`it names ${JSON.stringify(twice.name)} twice`);
  return keys.map((
    { name, key, places, requests_per_minute, max_steps, max_pixels, priority, operator },
  ) => ({
    name,
    key,
    isOperator: operator,
    quota: {
      places,
      requestsPerMinute: requests_per_minute,
      maxSteps: max_steps,
      maxPixels: max_pixels,
      priority,
    },
  }));
}
