/** A repo with the same parts as one in a folder, that suggests these values of options (`_defaults`); it lies within `dir`. */
export async function suggesting(repo: string, values: object, dir: string): Promise<string> {
  const copy = await Deno.makeTempDir({ dir });
  for await (const { name } of Deno.readDir(repo)) {
    await Deno.symlink(`${repo}/${name}`, `${copy}/${name}`);
  }
  const index = JSON.parse(await Deno.readTextFile(`${repo}/model_index.json`));
  await Deno.remove(`${copy}/model_index.json`);
  const text = JSON.stringify({ ...index, _defaults: values });
  await Deno.writeTextFile(`${copy}/model_index.json`, text);
  return copy;
}
