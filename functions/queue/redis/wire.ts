/**
 * What goes over Redis: events and jobs as JSON, the files in them by their key in the store.
 *
 * @module
 */
import { ServeError } from "../../contract/errors.ts";
import {
  type EncodedFile,
  filesOf,
  type GivenFiles,
  type Job,
  type JobEvent,
  type JobFailure,
  mapFiles,
  withoutFiles,
} from "../../contract/job.ts";
import { EXTENSIONS } from "../../storage/store_result.ts";
import type { Store } from "../../storage/store.ts";

/** A file's place in the store. */
type Key = { readonly $file: string };

async function putFile(store: Store, bytes: Uint8Array, mediaType: string): Promise<Key> {
  const random = crypto.getRandomValues(new Uint8Array(16)).toHex();
  const key = `${random}.${EXTENSIONS[mediaType] ?? "bin"}`;
  try {
    await store.put(key, { bytes, mediaType });
  } catch (cause) {
    throw new ServeError("storage_failed", "Cannot store a file; try again later", { cause });
  }
  return { $file: key };
}

async function getFile(store: Store, key: Key): Promise<Uint8Array> {
  const file = await store.get(key.$file);
  if (file === undefined) throw new ServeError("gone", "That result is no longer kept");
  return file.bytes;
}

async function packFile(file: EncodedFile, store: Store): Promise<object> {
  return { ...file, bytes: await putFile(store, file.bytes, file.mediaType) };
}

async function unpackFile<F extends EncodedFile>(file: F, store: Store): Promise<F> {
  const place = file.bytes as unknown as Key;
  return { ...file, bytes: await getFile(store, place), key: place.$file };
}

/** An event as text; its files are put into the store. */
export async function packEvent(event: JobEvent, store: Store): Promise<string> {
  if (event.type === "succeeded") {
    const pack = (files: readonly EncodedFile[] = []) =>
      Promise.all(files.map((one) => packFile(one, store)));
    const [images, audios] = await Promise.all([pack(event.images), pack(event.audios)]);
    return JSON.stringify({ ...event, images, audios });
  }
  if (event.type === "preview") {
    const bytes = event.image.bytes.toBase64();
    return JSON.stringify({ ...event, image: { ...event.image, bytes } });
  }
  return JSON.stringify(event);
}

/** The end of a job that failed, as text; scripts read the code in it. */
export function failedText(failure: JobFailure): string {
  return JSON.stringify({ type: "failed", failure } satisfies JobEvent);
}

/** An event from its text, with the keys of its files and not what they hold. */
export function unpackWithoutFiles(text: string): JobEvent {
  const event = JSON.parse(text) as JobEvent;
  if (event.type === "preview") return { ...event, image: withoutBytes(event.image) };
  if (event.type !== "succeeded") return event;
  const { images, audios = [] } = event;
  return { ...event, images: images.map(withoutBytes), audios: audios.map(withoutBytes) };
}

function withoutBytes<F extends EncodedFile>(file: F): F {
  const { $file: key } = file.bytes as unknown as Partial<Key>;
  return { ...file, bytes: new Uint8Array(), key };
}

/** An event from its text; its files are got from the store. */
export async function unpackEvent(text: string, store: Store): Promise<JobEvent> {
  const event = JSON.parse(text) as JobEvent;
  if (event.type === "succeeded") {
    const unpack = <F extends EncodedFile>(files: readonly F[] = []) =>
      Promise.all(files.map((one) => unpackFile(one, store)));
    const [images, audios] = await Promise.all([unpack(event.images), unpack(event.audios)]);
    return { ...event, images, audios };
  }
  if (event.type === "preview") {
    const bytes = Uint8Array.fromBase64(event.image.bytes as unknown as string);
    return { ...event, image: { ...event.image, bytes } };
  }
  return event;
}

/** A job from its text, without the images that it was given. */
export function unpackJobWithoutFiles(text: string): Job {
  return withoutFiles(JSON.parse(text));
}

/** A job as text; the images that it was given are put into the store. */
export async function packJob(job: Job, store: Store): Promise<string> {
  const put = (file: Uint8Array) => putFile(store, file, "application/octet-stream");
  return JSON.stringify({ ...job, input: await replaced(job.input, put) });
}

/** A job from its text, with the images that it was given. */
export async function unpackJob(text: string, store: Store): Promise<Job> {
  const job = JSON.parse(text) as Job;
  const input = await replaced(placesOf(job), (key) => getFile(store, key));
  return { ...job, input: input as Job["input"] };
}

/** A job's input, of which the files are in the store. */
function placesOf({ input }: Job): GivenFiles<Key> {
  return input as unknown as GivenFiles<Key>;
}

/** What a run is given, with what comes of each file in its place. */
async function replaced<F, T>(
  input: GivenFiles<F>,
  each: (file: F) => Promise<T>,
): Promise<GivenFiles<T>> {
  const files = filesOf(input);
  const made = await Promise.all(files.map(each));
  return mapFiles(input, (file) => made[files.indexOf(file)]!);
}

/** Drops the images that a job was given, when it has ended; what is left of them goes by its age. */
export async function dropGiven(text: string, store: Store): Promise<void> {
  for (const { $file } of filesOf(placesOf(JSON.parse(text)))) {
    await store.delete($file).catch(() => {});
  }
}
