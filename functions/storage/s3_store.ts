import { S3mini } from "s3mini";
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

/** Files in S3-compatible storage; addresses are signed and lead straight there. */
export function s3Store(
  { urlSeconds = 3_600, region = "auto", ...options }: S3StoreOptions,
): Store {
  const bucket = new S3mini({ ...options, region });
  return {
    async put(key, { bytes, mediaType }): Promise<void> {
      checkKey(key);
      await bucket.putObject(key, bytes, mediaType);
    },
    async get(key): Promise<StoredFile | undefined> {
      checkKey(key);
      const response = await bucket.getObjectResponse(key);
      if (response === null) return undefined;
      const mediaType = response.headers.get("content-type") ?? "application/octet-stream";
      return { bytes: new Uint8Array(await response.arrayBuffer()), mediaType };
    },
    async delete(key): Promise<void> {
      checkKey(key);
      await bucket.deleteObject(key);
    },
    url: (key) => bucket.getPresignedUrl("GET", key, urlSeconds),
  };
}
