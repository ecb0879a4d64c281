/**
 * Requests with ControlNets as programs: each asks for what the page asked for, with the images out of files.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { hasProgram } from "../../../tests/support/programs.ts";
import { fakeApp } from "../../tests/app.ts";
import { snippet } from "./page/snippets.js";

const python = Deno.env.get("DENOISE_REFERENCE_PYTHON");

describe("a request with ControlNets as a program", () => {
  const PROGRAMS = {
    curl: ["bash", "-c"],
    typescript: [Deno.execPath(), "run", "-A", "x.ts"],
    python: [python ?? "python", "x.py"],
  } as const;
  for (const language of ["curl", "typescript", "python"] as const) {
    for (const images of [0, 1, 2]) {
      it(`in ${language}, with ${images} images`, async () => {
        if (language === "curl" && !(await hasProgram("jq") && await hasProgram("curl"))) return;
        if (language === "python" && python === undefined) return;
        const { app, engine } = fakeApp({}, {
          images: 2,
          info: {
            controlNets: {
              canny: { kind: "controlnet", tasks: ["text-to-image", "image-to-image"] },
              depth: { kind: "controlnet", tasks: ["text-to-image", "image-to-image"] },
            },
          },
        });
        const folder = await Deno.makeTempDir();
        await using server = Deno.serve(
          { port: 0, hostname: "127.0.0.1", onListen() {} },
          app.fetch,
        );
        const files = {
          "image.png": new Uint8Array([137, 1]),
          "image-2.png": new Uint8Array([137, 2]),
          "control-1.png": Uint8Array.from({ length: 200_000 }, (_, i) => i % 251),
          "control-2.png": new Uint8Array([9, 10, 0]),
        };
        for (const [name, bytes] of Object.entries(files)) {
          await Deno.writeFile(`${folder}/${name}`, bytes);
        }
        const prompt = `it's "1" \\(two) $HOME`;
        const controlnets = [
          { name: "canny", image: "not this", scale: 0.5 },
          { name: "depth", image: "nor this", scale: 1 },
        ];
        const fields = { prompt, seed: "7", model: "fake", controlnets };
        const request = { fields, images, hasMask: false };
        const program = snippet(language, request, `http://127.0.0.1:${server.addr.port}`);
        const [command, ...args] = PROGRAMS[language];
        if (language !== "curl") await Deno.writeTextFile(`${folder}/${args.at(-1)}`, program);
        const { success, stderr } = await new Deno.Command(command, {
          args: language === "curl" ? [...args, program] : args,
          cwd: folder,
        }).output();
        assert(success, new TextDecoder().decode(stderr));
        const { task, input } = engine.begun[0]!;
        assertEquals(task, images > 0 ? "image-to-image" : "text-to-image");
        assertEquals([input.prompt, input.seed, input.image, input.moreImages], [
          prompt,
          "7",
          images > 0 ? files["image.png"] : undefined,
          images > 1 ? [files["image-2.png"]] : undefined,
        ]);
        assertEquals(input.controls, [
          { name: "canny", image: files["control-1.png"], scale: 0.5 },
          { name: "depth", image: files["control-2.png"], scale: 1 },
        ]);
        assert((await Deno.stat(`${folder}/result.png`)).size > 0);
        await Deno.remove(folder, { recursive: true });
      });
    }
  }
});
