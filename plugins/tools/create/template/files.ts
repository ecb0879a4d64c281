import { VERSION } from "@denoise/core";
import type { Names } from "../names.ts";

/** deno.json of the package. */
export function configSource({ packageName }: Names): string {
  const ours = (name: string) => `jsr:@denoise/${name}@^${VERSION}`;
  const config = {
    name: packageName,
    version: "0.1.0",
    license: "MIT",
    exports: "./mod.ts",
    imports: {
      "@denoise/core": ours("core"),
      "@denoise/schedules": ours("schedules"),
      "@denoise/testing": ours("testing"),
      "@std/assert": "jsr:@std/assert@^1.0.0",
      "@std/testing": "jsr:@std/testing@^1.0.0",
    },
    fmt: { lineWidth: 100, proseWrap: "preserve" },
    publish: { exclude: ["mod_test.ts", ".github"] },
  };
  return JSON.stringify(config, null, 2) + "\n";
}

/** README.md of the package. */
export function readmeSource({ packageName, className }: Names): string {
  return `# ${packageName}

\`${className}\`: Euler's method over noise levels that fall along a cosine. A scheduler for
[denoise](https://jsr.io/@denoise/denoise), Hugging Face diffusers for TypeScript.

    import { DiffusionPipeline } from "jsr:@denoise/denoise";
    import { ${className} } from "jsr:${packageName}";

    const pipe = await DiffusionPipeline.fromPretrained("denoise/emoji");
    pipe.scheduler = ${className}.fromConfig(pipe.scheduler.config);
    const { images } = await pipe("red apple", { numInferenceSteps: 20, guidanceScale: 3 });
    await images[0].save("apple.png");

## Develop
    deno test -A                # the conformance suite and the tests of this package
    deno publish --dry-run      # what would be published, and whether JSR takes it

Push a tag to publish: .github/workflows/publish.yml does it, with no token, once the package is linked to the repository on
JSR.
`;
}

/** A GitHub workflow that tests every push and publishes every tag. */
export function workflowSource(): string {
  return `name: publish
on:
  push:
    branches: [main]
    tags: ["v*"]
  pull_request:
jobs:
  publish:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      id-token: write # JSR knows the repository by it
    steps:
      - uses: actions/checkout@v4
      - uses: denoland/setup-deno@v2
      - run: deno test -A
      - run: deno publish --dry-run
      - run: deno publish
        if: startsWith(github.ref, 'refs/tags/')
`;
}
