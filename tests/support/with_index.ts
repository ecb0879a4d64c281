import { linkedParts } from "./linked_parts.ts";

/** A repo with the same parts as one in a folder, whose model_index.json has these values besides; it lies within `dir`. */
export async function withIndex(repo: string, values: object, dir: string): Promise<string> {
  const copy = await linkedParts(repo, { dir });
  const index = JSON.parse(await Deno.readTextFile(`${repo}/model_index.json`));
  await Deno.writeTextFile(`${copy}/model_index.json`, JSON.stringify({ ...index, ...values }));
  return copy;
}

/** A repo with the same parts, that suggests these values of options. */
export async function suggesting(repo: string, values: object, dir: string): Promise<string> {
  return await withIndex(repo, { _defaults: values }, dir);
}
