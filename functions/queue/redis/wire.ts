/**
 * What goes over Redis: events and jobs as JSON, the files in them by their key in the store.
 *
 * @module
 */
import { ServeError } from "../../contract/errors.ts";
import type { EncodedPicture, Job, JobEvent } from "../../contract/job.ts";
import type { Store } from "../../storage/store.ts";

/** A file's place in the store. */
type Key = { readonly $file: string };

const EXTENSIONS: Readonly<Record<string, string>> = { "image/png": "png", "image/jpeg": "jpg" };

async function putFile(store: Store, bytes: Uint8Array, mediaType: string): Promise<Key> {
  const random = crypto.getRandomValues(new Uint8Array(16)).toHex();
  const key = `${random}.${EXTENSIONS[mediaType] ?? "bin"}`;
  try {
    await store.put(key, { bytes, mediaType });
  } catch (cause) {
    throw new ServeError("storage_failed", "Cannot store a picture; try again later", { cause });
  }
  return { $file: key };
}

async function getFile(store: Store, key: Key): Promise<Uint8Array> {
  const file = await store.get(key.$file);
  if (file === undefined) throw new ServeError("gone", "That result is no longer kept");
  return file.bytes;
}

async function packPicture(picture: EncodedPicture, store: Store): Promise<object> {
  return { ...picture, bytes: await putFile(store, picture.bytes, picture.mediaType) };
}

async function unpackPicture(picture: EncodedPicture, store: Store): Promise<EncodedPicture> {
  return { ...picture, bytes: await getFile(store, picture.bytes as unknown as Key) };
}

/** An event as text; its pictures are put into the store. */
export async function packEvent(event: JobEvent, store: Store): Promise<string> {
  if (event.type === "succeeded") {
    const pictures = await Promise.all(event.pictures.map((one) => packPicture(one, store)));
    return JSON.stringify({ ...event, pictures });
  }
  if (event.type === "preview") {
    const bytes = event.picture.bytes.toBase64();
    return JSON.stringify({ ...event, picture: { ...event.picture, bytes } });
  }
  return JSON.stringify(event);
}

/** An event from its text; its pictures are got from the store. */
export async function unpackEvent(text: string, store: Store): Promise<JobEvent> {
  const event = JSON.parse(text) as JobEvent;
  if (event.type === "succeeded") {
    const pictures = event.pictures.map((one) => unpackPicture(one, store));
    return { ...event, pictures: await Promise.all(pictures) };
  }
  if (event.type === "preview") {
    const bytes = Uint8Array.fromBase64(event.picture.bytes as unknown as string);
    return { ...event, picture: { ...event.picture, bytes } };
  }
  return event;
}

/** A job as text; the pictures that it was given are put into the store. */
export async function packJob(job: Job, store: Store): Promise<string> {
  const { image, mask, ...input } = job.input;
  const files = {
    ...(image && { image: await putFile(store, image, "application/octet-stream") }),
    ...(mask && { mask: await putFile(store, mask, "application/octet-stream") }),
  };
  return JSON.stringify({ ...job, input: { ...input, ...files } });
}

/** A job from its text, with the pictures that it was given. */
export async function unpackJob(text: string, store: Store): Promise<Job> {
  const job = JSON.parse(text) as Job;
  const { image, mask, ...input } = job.input as unknown as Record<"image" | "mask", Key>;
  const files = {
    ...(image && { image: await getFile(store, image) }),
    ...(mask && { mask: await getFile(store, mask) }),
  };
  return { ...job, input: { ...input, ...files } as Job["input"] };
}
