/**
 * The module of another thread or process, which lies beside a module of ours: TypeScript in Deno,
 * JavaScript where the packages come from npm.
 */
export function entryBeside(module: string, name: string): URL {
  return new URL(`./${name}${module.slice(module.lastIndexOf("."))}`, module);
}
