import { assert } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { loadImage } from "@denoise/image";
import { documentedCommands, runDocumented } from "../scripts/generate/images.ts";

/**
 * How far a pixel may be from the committed image, out of 255: other CPU kernels round sums otherwise.
 * The images of torch's kernels, of these models and seeds, are at most 1 away.
 */
const ROUNDING = 2;

const commands = await documentedCommands();

describe("docs/tasks.md", () => {
  for (const command of commands) {
    const committed = command[command.indexOf("--out") + 1]!;
    it(`shows what its command makes: ${committed}`, async () => {
      const folder = await Deno.makeTempDir();
      try {
        const [made, shown] = await Promise.all([
          runDocumented(command, folder).then((file) => loadImage(file)),
          loadImage(committed),
        ]);
        const far = made.data.findIndex((value, i) => Math.abs(value - shown.data[i]!) > ROUNDING);
        assert(far === -1 && made.data.length === shown.data.length, `differs at byte ${far}`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
});
