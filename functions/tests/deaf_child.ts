/**
 * The program of an engine whose models never load.
 *
 * @module
 */
import { connectToParent } from "@denoise/process";

for await (const _ of connectToParent().messages) {
  // it is asked to load, and says nothing
}
Deno.exit();
