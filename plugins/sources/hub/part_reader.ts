import { open } from "node:fs/promises";
import { DenoiseError } from "@denoise/core";
import { readHeader, readRange, type StoredHeader } from "@denoise/safetensors";
import { readBody } from "./body.ts";
import type { Remote, RepoFile } from "./remote.ts";
import type { PinnedRepo } from "./repo.ts";
import { isVisible } from "./snapshot.ts";

/** The largest text that is read into memory. */
export const MAX_CONFIG = 16_000_000;

/** Reads parts of a repo's files: from the cache where it has them, else by Range requests. */
export class PartReader {
  readonly #remote: Remote;
  readonly #repo: PinnedRepo;
  readonly #stall: number;
  readonly #signal: AbortSignal | undefined;

  /** Makes a reader of that repo. */
  constructor(remote: Remote, repo: PinnedRepo, stall: number, signal: AbortSignal | undefined) {
    this.#remote = remote;
    this.#repo = repo;
    this.#stall = stall;
    this.#signal = signal;
  }

  /** The bytes from `start` to before `end`. */
  async read(file: RepoFile, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const { layout, resolved: { commit }, offline } = this.#repo;
    if (offline || await isVisible(layout, commit, file)) {
      return await readLocal(layout.pointer(commit, file.path), start, end);
    }
    const doing = `reading ${file.path} of ${this.#repo.id}`;
    const signal = this.#signal;
    const response = await this.#remote.open(this.#repo.resolved, file, { start, end, signal });
    const limit = response.status === 206 ? end - start : Math.max(end, 64_000);
    const bytes = await readBody(response, limit, { doing, stall: this.#stall, signal });
    return response.status === 206 ? bytes : bytes.slice(start, end);
  }

  /** A whole small file. */
  async text(file: RepoFile): Promise<string> {
    if (file.size > MAX_CONFIG) {
      throw new DenoiseError(
        "source_unavailable",
        `Refused to read ${file.path} of ${this.#repo.id}: it has ${file.size} bytes`,
      );
    }
    return new TextDecoder().decode(await this.read(file, 0, file.size));
  }

  /** The header of a safetensors file. */
  async header(file: RepoFile): Promise<StoredHeader> {
    const name = `${this.#repo.id}/${file.path}`;
    return await readHeader((start, end) => this.read(file, start, end), file.size, name);
  }
}

async function readLocal(path: string, start: number, end: number) {
  await using file = await open(path);
  return await readRange(file, start, end);
}
