/** The files below a folder, by their names relative to it, parts joined by `/`; links followed. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    const isFolder = entry.isDirectory || (entry.isSymlink && (await Deno.stat(path)).isDirectory);
    if (!isFolder) found.push(entry.name);
    else found.push(...(await filesBelow(path)).map((name) => `${entry.name}/${name}`));
  }
  return found.sort();
}
