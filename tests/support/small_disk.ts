/** A file system of its own that is soon full. */
export interface SmallDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  /** Takes all the room that is left but so many bytes. */
  fill(leave?: number): Promise<void>;
  /** Gives that room back. */
  empty(): Promise<void>;
}

/** Mounts so many bytes; undefined where this user may not, which is said in one line. */
export async function smallDisk(bytes: number): Promise<SmallDisk | undefined> {
  const path = await Deno.makeTempDir();
  const run = async (command: string, ...args: string[]) =>
    await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()
      .then(({ success }) => success, () => false);
  if (!await run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path)) {
    await Deno.remove(path);
    console.log("Full disks are not tried: mounting a small one takes root on Linux");
    return undefined;
  }
  const ballast = `${path}/.ballast`;
  return {
    path,
    async fill(leave = 0): Promise<void> {
      using file = await Deno.open(ballast, { write: true, create: true, truncate: true });
      const piece = new Uint8Array(4096);
      try {
        for (let written = 0; written < bytes - leave; written += piece.length) {
          await file.write(piece);
        }
      } catch {
        // it is full
      }
    },
    empty: () => Deno.remove(ballast),
    async [Symbol.asyncDispose](): Promise<void> {
      await run("umount", path);
      await Deno.remove(path);
    },
  };
}
