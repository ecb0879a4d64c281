import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { lockOf, LOCKS } from "../scripts/generate/locks.ts";
import { root } from "../scripts/workspace/members.ts";

const CLI_LOCK = "plugins/tools/cli/deno.lock";

/** More than that nobody should have to fetch for a first image. */
const MOST = 45;

describe("the first command in a checkout", () => {
  it("fetches a few packages: those of the command line", async () => {
    const { npm } = JSON.parse(await Deno.readTextFile(new URL(CLI_LOCK, root)));
    const packages = Object.keys(npm);
    assert(packages.length <= MOST, `${packages.length} packages: ${packages.join(", ")}`);
    assert(packages.some((id) => id.startsWith("onnxruntime-node@")));
    const readme = await Deno.readTextFile(new URL("README.md", root));
    const [first] = readme.match(/^ {4}npx .*/m) ?? [];
    assert(
      first?.includes(` run -A --lock=${CLI_LOCK} plugins/tools/cli/main.ts generate `),
      first,
    );
  });

  it("has a lock that is the part of deno.lock that it needs, as the server has", async () => {
    for (const [path, programs] of Object.entries(LOCKS)) {
      const found = await Deno.readTextFile(new URL(path, root));
      assertEquals(found, await lockOf(programs), `${path}: run deno task generate:registry`);
    }
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["cache", "--quiet", "--frozen", `--lock=${CLI_LOCK}`, "plugins/tools/cli/main.ts"],
      cwd: root,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  });
});
