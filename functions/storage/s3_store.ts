import { AwsClient } from "aws4fetch";
import { checkKey, type Store, type StoredFile } from "./store.ts";

/** Which bucket, and who asks. */
export interface S3StoreOptions {
  /** Address of the bucket, such as `https://s3.example.com/images`. */
  readonly endpoint: string;
  /** Region. Defaults to `auto`. */
  readonly region?: string | undefined;
  /** Key id. */
  readonly accessKeyId: string;
  /** Secret key. */
  readonly secretAccessKey: string;
  /** Seconds that an address is valid. Defaults to 3,600. */
  readonly urlSeconds?: number | undefined;
}

/** How often a request is sent again that the service could not answer (5xx, 429). */
const RETRIES = 3;

/** Files in S3-compatible storage; addresses are signed and lead straight there. */
export function s3Store(
  { urlSeconds = 3_600, region = "auto", endpoint, ...keys }: S3StoreOptions,
): Store {
  const client = new AwsClient({ ...keys, region, service: "s3", retries: RETRIES });
  const address = (key: string) => `${endpoint.replace(/\/+$/, "")}/${key}`;
  const send = async (key: string, init: RequestInit): Promise<Response | undefined> => {
    checkKey(key);
    const response = await client.fetch(address(key), init);
    if (response.ok) return response;
    const answer = await response.text();
    if (response.status === 404 && init.method !== "PUT") return undefined;
    throw new Error(
      `Cannot ${init.method} ${key} in the bucket: it answered ${response.status} ` +
        JSON.stringify(answer.slice(0, 300)),
    );
  };
  return {
    async put(key, { bytes, mediaType }): Promise<void> {
      const body = new Uint8Array(bytes);
      const response = await send(key, {
        method: "PUT",
        body,
        headers: { "content-type": mediaType },
      });
      await response?.body?.cancel();
    },
    async get(key): Promise<StoredFile | undefined> {
      const response = await send(key, { method: "GET" });
      if (response === undefined) return undefined;
      const mediaType = response.headers.get("content-type") ?? "application/octet-stream";
      return { bytes: new Uint8Array(await response.arrayBuffer()), mediaType };
    },
    async delete(key): Promise<void> {
      const response = await send(key, { method: "DELETE" });
      await response?.body?.cancel();
    },
    async url(key): Promise<string> {
      const query = new URLSearchParams({ "X-Amz-Expires": `${urlSeconds}` });
      const signed = await client.sign(`${address(key)}?${query}`, { aws: { signQuery: true } });
      return signed.url;
    },
  };
}
