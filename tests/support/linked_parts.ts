/** A new folder with links to the parts of a repo in a folder, not to its index and what lies beside it. */
export async function linkedParts(
  repo: string,
  options: Deno.MakeTempOptions = { prefix: "denoise-" },
): Promise<string> {
  const path = await Deno.makeTempDir(options);
  for await (const { name, isFile } of Deno.readDir(repo)) {
    if (!isFile) await Deno.symlink(`${repo}/${name}`, `${path}/${name}`);
  }
  return path;
}
