import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ModelInfo } from "../../contract/model_info.ts";
import type { AppEnv, DoorContext } from "../../http/context.ts";
import { route } from "../../http/route.ts";
import { UPSCALERS } from "./hires.ts";
import { samplersOf, SPREAD_LABELS } from "./samplers.ts";

/** GET /sdapi/v1/samplers, schedulers and sd-models: what a client can offer its user. */
export function mountLists(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const list = (name: string, summary: string, items: () => readonly object[]): void => {
    const schema = z.array(z.record(z.string(), z.any()));
    route(app, {
      method: "get",
      path: `/sdapi/v1/${name}`,
      summary,
      tags: ["sdapi"],
      responses: {
        200: { description: "All of them", content: { "application/json": { schema } } },
      },
    }, (c) => c.json(items()));
  };

  list(
    "samplers",
    "The samplers that requests can name",
    () =>
      samplersOf(context.schedulers).map(({ name, aliases, config }) => ({
        name,
        aliases,
        options: Object.fromEntries(
          Object.entries(config).map(([key, value]) => [key, String(value)]),
        ),
      })),
  );

  list(
    "schedulers",
    "The ways to spread noise levels",
    () =>
      Object.entries(SPREAD_LABELS).map(([name, label]) => ({
        name,
        label,
        aliases: null,
        default_rho: name === "karras" ? 7 : -1,
        need_inner_model: false,
      })),
  );

  const scales = (name: string) => /^Latent/.test(name);
  list(
    "latent-upscale-modes",
    "The ways to enlarge latents for a second pass",
    () => Object.keys(UPSCALERS).filter(scales).map((name) => ({ name })),
  );
  list(
    "upscalers",
    "The ways to enlarge images for a second pass",
    () =>
      Object.keys(UPSCALERS).filter((name) => !scales(name)).map((name) => ({
        name,
        model_name: null,
        model_path: null,
        model_url: null,
        scale: 4,
      })),
  );
  list("loras", "The LoRAs that prompts can name", () => {
    return names(({ loras }) => loras).map((name) => ({
      name,
      alias: name,
      path: name,
      metadata: {},
    }));
  });

  for (const name of ["hypernetworks", "face-restorers", "prompt-styles", "sd-vae"]) {
    list(name, `The ${name} that there are: none`, () => []); // clients ask at their start
  }

  const names = (of: (model: ModelInfo) => readonly string[] | undefined): string[] => {
    const { state } = context.models;
    return [
      ...new Set(state.phase === "ready" ? state.models.flatMap((one) => of(one) ?? []) : []),
    ];
  };
  const extension = (name: string, summary: string, reply: () => object): void =>
    route(app, {
      method: "get",
      path: `/controlnet/${name}`,
      summary,
      tags: ["sdapi"],
      responses: {
        200: {
          description: "They",
          content: { "application/json": { schema: z.record(z.string(), z.any()) } },
        },
      },
    }, (c) => c.json(reply()));
  extension(
    "model_list",
    "The ControlNets that units can name",
    () => ({ model_list: names(({ controlNets = {} }) => Object.keys(controlNets)) }),
  );
  extension(
    "module_list",
    "The preprocessors of ControlNets: none",
    () => ({ module_list: ["none"], module_detail: { none: { model_free: false, sliders: [] } } }),
  );
  extension("version", "The version of the ControlNet extension's API", () => ({ version: 3 }));

  list("sd-models", "The models that are loaded", () => {
    const { state } = context.models;
    return (state.phase === "ready" ? state.models : []).map(({ id, commit }) => ({
      title: id,
      model_name: id,
      hash: commit?.slice(0, 10) ?? null,
      sha256: null,
      filename: id,
      config: null,
    }));
  });
}
