import { VERSION } from "@denoise/core";
import type { Kind, Names } from "../names.ts";

/** Packages of this project that each kind imports. */
const IMPORTS: Readonly<Record<Kind, readonly string[]>> = {
  scheduler: ["core", "schedules", "testing"],
  pipeline: ["core", "denoise", "diffusion", "roles", "testing"],
  model: ["core", "onnx", "safetensors", "testing"],
};

/** deno.json of the package. */
export function configSource({ packageName, kind }: Names): string {
  const ours = IMPORTS[kind].map((
    name,
  ) => [`@denoise/${name}`, `jsr:@denoise/${name}@^${VERSION}`]);
  const config = {
    name: packageName,
    version: "0.1.0",
    license: "MIT",
    exports: "./mod.ts",
    imports: {
      ...Object.fromEntries(ours),
      "@std/assert": "jsr:@std/assert@^1.0.0",
      "@std/testing": "jsr:@std/testing@^1.0.0",
    },
    fmt: { lineWidth: 100, proseWrap: "preserve" },
    publish: { exclude: ["mod_test.ts", ".github"] },
  };
  return JSON.stringify(config, null, 2) + "\n";
}

/** What the package is, and how it is used, for its README. */
const USES: Readonly<Record<Kind, (names: Names) => string>> = {
  scheduler: ({ packageName, className }) =>
    `\`${className}\`: Euler's method over noise levels that fall along a cosine. A scheduler for
[denoise](https://jsr.io/@denoise/denoise), Hugging Face diffusers for TypeScript.

    import { DiffusionPipeline } from "jsr:@denoise/denoise";
    import { ${className} } from "jsr:${packageName}";

    const pipe = await DiffusionPipeline.fromPretrained("denoise/emoji");
    pipe.scheduler = ${className}.fromConfig(pipe.scheduler.config);
    const { images } = await pipe("red apple", { numInferenceSteps: 20 });
    await images[0].save("apple.png");
`,
  pipeline: ({ packageName, className }) =>
    `\`${className}\`: images from noise between that of two seeds. A pipeline for
[denoise](https://jsr.io/@denoise/denoise), Hugging Face diffusers for TypeScript.

    import { registry } from "jsr:@denoise/denoise";
    import { ${className} } from "jsr:${packageName}";

    const pipe = await ${className}.using(registry).fromPretrained("denoise/ddpm-emoji");
    const { images } = await pipe({ seed: 7, secondSeed: 8, share: 0.3 });
    await images[0].save("between.png");

It works on repos of a UNet2DModel and a scheduler. What \`pipe.savePretrained(folder)\` writes names the class, so that the loaders of
denoise take the folder with \`{ plugins: [${className}] }\`, the command line with \`--plugin jsr:${packageName}\`, and the HTTP function
with \`DENOISE_PLUGINS=jsr:${packageName}\`.
`,
  model: ({ packageName, className }) =>
    `\`${className}\`: finds the noise in an image, by a convolution, residual blocks that know the timestep, and a
convolution. A model for [denoise](https://jsr.io/@denoise/denoise), Hugging Face diffusers for TypeScript.

    import { ${className} } from "jsr:${packageName}";

    const model = await ${className}.fromPretrained("./folder"); // config.json and the .safetensors file

A repo whose model_index.json says \`"unet": ["you", "${className}"]\` is loaded with \`{ plugins: [${className}] }\`.
[The guide](https://jsr.io/@denoise/denoise) says how a model of torch becomes one of these, and how it is held against it.
`,
};

/** README.md of the package. */
export function readmeSource(names: Names): string {
  return `# ${names.packageName}

${USES[names.kind](names)}
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
