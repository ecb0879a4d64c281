import { createHmac, timingSafeEqual } from "node:crypto";
import { FILES_PATH, type Store } from "./store.ts";

/** How long an address of a stored file is valid, in seconds. */
export const ADDRESS_SECONDS = 3_600;

function signature(secret: string, key: string, expires: string): string {
  return createHmac("sha256", secret).update(`${key} ${expires}`).digest("hex").slice(0, 32);
}

/** The same store, whose files have addresses that are signed and end after an hour. */
export function withSignedAddresses(store: Store, secret: string): Store {
  return {
    put: (key, file) => store.put(key, file),
    get: (key) => store.get(key),
    delete: (key) => store.delete(key),
    async url(key, base): Promise<string> {
      const url = await store.url(key, base);
      if (!url.startsWith(`${base}${FILES_PATH}/`)) return url; // it has addresses of its own
      const expires = String(Math.floor(Date.now() / 1000) + ADDRESS_SECONDS);
      return `${url}?expires=${expires}&signature=${signature(secret, key, expires)}`;
    },
  };
}

/** Whether an address was made with that secret, and has not ended. */
export function isSignedAddress(secret: string, key: string, query: URLSearchParams): boolean {
  const expires = query.get("expires") ?? "";
  const given = new TextEncoder().encode(query.get("signature") ?? "");
  const right = new TextEncoder().encode(signature(secret, key, expires));
  return given.length === right.length && timingSafeEqual(given, right) &&
    /^\d{1,12}$/.test(expires) && Number(expires) * 1000 > Date.now();
}
