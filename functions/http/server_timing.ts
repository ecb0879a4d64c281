import type { AppContext } from "./context.ts";
import type { Finished } from "./run.ts";

/** Tells where the time of a run went, as the W3C's `Server-Timing` header, which browsers show. */
export function setServerTiming(c: AppContext, { queueMs, timing }: Finished): void {
  const parts = { queueMs, ...timing };
  const metrics = Object.entries(parts).map(([name, ms]) =>
    `${name.replace(/Ms$/, "")};dur=${ms.toFixed(2)}`
  );
  c.header("server-timing", metrics.join(", "));
}
