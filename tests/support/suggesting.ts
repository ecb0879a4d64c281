import { linkedParts } from "./linked_parts.ts";

/** A repo with the same parts as one in a folder, that suggests these values of options (`_defaults`); it lies within `dir`. */
export async function suggesting(repo: string, values: object, dir: string): Promise<string> {
  const copy = await linkedParts(repo, { dir });
  const index = JSON.parse(await Deno.readTextFile(`${repo}/model_index.json`));
  const text = JSON.stringify({ ...index, _defaults: values });
  await Deno.writeTextFile(`${copy}/model_index.json`, text);
  return copy;
}
