/** What the fetcher asks of a place that repos lie in: the Hub, or a mirror of it. */

/** A file of a repo at one commit. */
export interface RepoFile {
  /** Its name in the repo, parts joined by `/`. */
  readonly path: string;
  /** Its size in bytes. */
  readonly size: number;
  /** The git hash of the file, or of its pointer when it is stored by LFS. */
  readonly blobId: string;
  /** The sha256 of its content, for files that LFS or Xet store. */
  readonly sha256?: string | undefined;
  /** Its hash in the Xet storage. */
  readonly xetHash?: string | undefined;
}

/** A repo's name and one commit of it. */
export interface ResolvedRepo {
  /** The id after renames that the server knows of. */
  readonly id: string;
  /** The commit, 40 hexadecimal digits. */
  readonly commit: string;
}

/** How a revision is looked up. */
export interface ResolveOptions {
  /** Ask once, without repetitions: there is a cached copy to fall back on. */
  readonly once?: boolean | undefined;
  /** Cancels the request. */
  readonly signal?: AbortSignal | undefined;
}

/** Which part of a file is wanted. */
export interface OpenOptions {
  /** The first byte. Defaults to 0. */
  readonly start?: number | undefined;
  /** The byte after the last one. Defaults to the end of the file. */
  readonly end?: number | undefined;
  /** Cancels the request. */
  readonly signal?: AbortSignal | undefined;
}

/** A place that repos lie in. */
export interface Remote {
  /** Its name in messages, such as `"the Hub"`. */
  readonly name: string;
  /** Finds the commit of a branch or tag. */
  resolve(id: string, revision: string, options?: ResolveOptions): Promise<ResolvedRepo>;
  /** Lists all files of a commit. */
  list(repo: ResolvedRepo, signal?: AbortSignal): Promise<RepoFile[]>;
  /** Starts to read a file; status 206 when the answer holds just the part asked for. */
  open(repo: ResolvedRepo, file: RepoFile, options?: OpenOptions): Promise<Response>;
}

/** The name under which the content of a file lies in the cache's `blobs` folder: its ETag. */
export function blobName(file: RepoFile): string {
  return file.sha256 ?? file.blobId;
}
