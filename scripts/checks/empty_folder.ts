/**
 * Loaded before an example: it runs in an empty folder.
 *
 * @module
 */
Deno.chdir(Deno.makeTempDirSync());
