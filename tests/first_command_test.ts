import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { CLI_LOCK, cliLock } from "../scripts/generate/cli_lock.ts";
import { root } from "../scripts/workspace/members.ts";

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

  it("has a lock that is the part of deno.lock that it needs", async () => {
    const found = await Deno.readTextFile(new URL(CLI_LOCK, root));
    assertEquals(found, await cliLock(), "run deno task generate:registry");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["cache", "--quiet", "--frozen", `--lock=${CLI_LOCK}`, "plugins/tools/cli/main.ts"],
      cwd: root,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  });
});
