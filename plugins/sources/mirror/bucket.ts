/** A bucket that speaks S3: AWS, MinIO, R2, Ceph and others. */

import { AwsV4Signer } from "aws4fetch";
import { get, type HttpSettings, readBody, readEnv, RemoteError } from "@denoise/hub/remote";
import { readBelow, type Store, type StoredFile } from "./store.ts";

/** Who asks, by the environment variables that AWS's own tools read. */
export interface S3Credentials {
  /** The name of the key. */
  readonly accessKeyId: string;
  /** The key itself; it is not sent, requests are signed with it. */
  readonly secretAccessKey: string;
  /** What goes along with keys that were lent for a time. */
  readonly sessionToken?: string | undefined;
}

/** Where a bucket is. */
export interface BucketOptions {
  /** Address of the S3 service. Defaults to AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or Amazon's. */
  readonly endpoint?: string | undefined;
  /** Region. Defaults to AWS_REGION, AWS_DEFAULT_REGION or us-east-1. */
  readonly region?: string | undefined;
  /** Keys. Defaults to AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; none for a public bucket. */
  readonly credentials?: S3Credentials | undefined;
}

const MAX_PAGES = 100;
const MAX_PAGE = 8_000_000;

function credentialsOf(options: BucketOptions): S3Credentials | undefined {
  if (options.credentials !== undefined) return options.credentials;
  const accessKeyId = readEnv("AWS_ACCESS_KEY_ID");
  const secretAccessKey = readEnv("AWS_SECRET_ACCESS_KEY");
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: readEnv("AWS_SESSION_TOKEN") };
}

function addressOf(bucket: string, region: string, options: BucketOptions): string {
  const endpoint = options.endpoint ?? readEnv("AWS_ENDPOINT_URL_S3") ??
    readEnv("AWS_ENDPOINT_URL");
  return endpoint === undefined
    ? `https://${bucket}.s3.${region}.amazonaws.com`
    : `${endpoint.replace(/\/+$/, "")}/${bucket}`;
}

function signer(region: string, keys: S3Credentials): NonNullable<HttpSettings["sign"]> {
  return async (url, headers) => {
    const { accessKeyId, secretAccessKey, sessionToken } = keys;
    // only what S3 demands is signed: proxies may change the other headers
    const signed = await new AwsV4Signer({
      url: url.href,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: "s3",
      region,
    }).sign();
    signed.headers.forEach((value, name) => headers.set(name, value));
    return headers;
  };
}

function tagsOf(xml: string, tag: string): string[] {
  return [...xml.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, "g"))].map((match) =>
    match[1]!.replace(
      /&(lt|gt|quot|apos|amp|#\d+);/g,
      (_, name: string) =>
        name.startsWith("#")
          ? String.fromCodePoint(Number(name.slice(1)))
          : { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" }[name]!,
    )
  );
}

function filesOf(xml: string, prefix: string): StoredFile[] {
  return [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map((match) => {
    const [key = ""] = tagsOf(match[1]!, "Key");
    const [size] = tagsOf(match[1]!, "Size");
    const [etag = ""] = tagsOf(match[1]!, "ETag");
    return {
      key: key.slice(prefix.length),
      size: Number(size),
      etag: etag.replaceAll('"', ""),
    };
  });
}

/**
 * A bucket, or the part of it below a prefix.
 *
 * @param path The prefix without slashes at its ends; `""` for the whole bucket.
 */
export function bucketStore(
  bucket: string,
  path: string,
  options: BucketOptions,
  settings: HttpSettings,
): Store {
  const region = options.region ?? readEnv("AWS_REGION") ?? readEnv("AWS_DEFAULT_REGION") ??
    "us-east-1";
  const address = addressOf(bucket, region, options);
  const keys = credentialsOf(options);
  const signed: HttpSettings = {
    ...settings,
    origin: new URL(address).origin,
    sign: keys === undefined ? undefined : signer(region, keys),
  };
  const base = path === "" ? "" : `${path}/`;
  return {
    name: `s3://${bucket}${path === "" ? "" : `/${path}`}`,
    settings: signed,
    read: readBelow(path === "" ? address : `${address}/${path}`, signed),
    async list(prefix, signal) {
      const files: StoredFile[] = [];
      let token: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const query = new URLSearchParams({ "list-type": "2", prefix: base + prefix });
        if (token !== undefined) query.set("continuation-token", token);
        const doing = `listing ${prefix} in s3://${bucket}`;
        const response = await get(`${address}?${query}`, { doing, signal }, signed);
        const body = { doing, stall: settings.stall, signal };
        const xml = new TextDecoder().decode(await readBody(response, MAX_PAGE, body));
        files.push(...filesOf(xml, base));
        [token] = tagsOf(xml, "NextContinuationToken");
        if (token === undefined) return files;
      }
      throw new RemoteError(
        `Refused to list ${prefix} in s3://${bucket}: it has more than ${files.length} files`,
        200,
      );
    },
  };
}
