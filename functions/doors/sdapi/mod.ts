/**
 * The door for clients of A1111's web UI, at /sdapi/v1. Its samplers are diffusers' schedulers; what
 * it does beside images (upscaling, training, scripts) is not here.
 *
 * A1111 serves one person: what is under way, interrupting it, and settings are everyone's. Here they
 * are those of the key, in the process that was asked.
 *
 * @module
 */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ServeError } from "../../contract/errors.ts";
import type { EncodedImage, Job } from "../../contract/job.ts";
import { check, readJson } from "../../http/body.ts";
import { callerOf } from "../../http/caller.ts";
import type { AppContext, AppEnv, DoorContext } from "../../http/context.ts";
import { type FieldRules, settleFields } from "../../http/field_rules.ts";
import { planJob } from "../../http/plan.ts";
import { type Operation, route } from "../../http/route.ts";
import { followOwn, throwIfFailed } from "../../http/run.ts";
import type { Door } from "../door.ts";
import { controlsOf } from "./control_units.ts";
import { infoOf } from "./info.ts";
import { mountLists } from "./lists.ts";
import { merge, OPTION_RULES, OptionsSchema, OptionStore } from "./options.ts";
import { asideOf, namesIn, toRequest } from "./request.ts";
import { IMG2IMG_RULES, TXT2IMG_RULES } from "./rules.ts";
import { note, progressOf, Runs } from "./runs.ts";
import {
  FieldError,
  type Fields,
  Images,
  img2imgSchema,
  OtherError,
  Progress,
  txt2imgSchema,
} from "./schemas.ts";

const json = (schema: z.ZodType) => ({ "application/json": { schema } });
const failed = (description: string, schema = OtherError) => ({
  description,
  content: json(schema),
});
const tags = ["sdapi"];
const Nothing = z.object({});

const responses: Operation["responses"] = {
  200: { description: "The images", content: json(Images) },
  401: failed("The key is missing or unknown"),
  404: failed("There is no such model"),
  413: failed("The body is too large"),
  415: failed("The body has another type"),
  422: failed("A field has a wrong value", FieldError),
  429: failed("The queue is full; Retry-After says when"),
  500: failed("The run failed"),
  503: failed("The server goes down"),
  504: failed("The run took too long"),
};

function mount(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const { limits, queue, schedulers } = context;
  const runs = new Runs();
  const options = new OptionStore();

  async function answer(
    c: AppContext,
    schema: z.ZodType<Fields>,
    rules: FieldRules,
  ): Promise<Response> {
    const given = await readJson(c, limits.maxUploadBytes);
    const fields = check(schema, given);
    const caller = callerOf(c);
    const { owner, signal } = caller;
    const [start] = fields.init_images ?? [];
    const { controls, warnings: ofControls } = controlsOf(
      fields.alwayson_scripts,
      start,
      limits.maxImageBytes,
    );
    const around = {
      options: merge(options.get(owner), fields.override_settings),
      schedulers,
      maxImages: limits.maxImages,
      controls,
    };
    const { warnings: ofFields, others } = asideOf(given, fields, rules);
    const job = await planJob(context, toRequest(fields, around), {
      ...caller,
      names: namesIn(fields),
      warnings: [...ofFields, ...ofControls],
      others,
    });
    const { images, warnings } = await finish(job, signal);
    const { init_images, mask, ...rest } = fields;
    const parameters = fields.include_init_images ? { ...rest, init_images, mask } : rest;
    return c.json({
      images: fields.send_images === false ? [] : images.map(({ bytes }) => bytes.toBase64()),
      parameters,
      info: infoOf(job, fields, images, warnings),
    });
  }

  /** Runs a job to its end; one that was interrupted ends with its latest preview. */
  async function finish(job: Job, signal: AbortSignal): Promise<{
    readonly images: readonly EncodedImage[];
    readonly warnings: readonly string[];
  }> {
    const run = runs.add(job);
    const warnings = [...job.warnings ?? []];
    try {
      await queue.submit(job);
      for await (const event of followOwn(queue, job, signal)) {
        note(run, event);
        if (event.type === "warning") warnings.push(event.message);
        if (event.type === "succeeded") return { images: event.images, warnings };
        if (event.type === "canceled" && run.interrupted) break;
        throwIfFailed(event, job);
      }
      return { images: run.preview === undefined ? [] : [run.preview], warnings };
    } finally {
      runs.remove(run);
    }
  }

  for (
    const [name, summary, schema, rules] of [
      ["txt2img", "Make images from a prompt", txt2imgSchema(limits), TXT2IMG_RULES],
      [
        "img2img",
        "Change an image, or its part under a mask",
        img2imgSchema(limits),
        IMG2IMG_RULES,
      ],
    ] as const
  ) {
    route(app, {
      method: "post",
      path: `/sdapi/v1/${name}`,
      summary,
      tags,
      request: { body: { required: true, content: json(schema) } },
      responses,
    }, async (c) => await answer(c, schema as unknown as z.ZodType<Fields>, rules));
  }

  route(app, {
    method: "get",
    path: "/sdapi/v1/progress",
    summary: "How far the key's first run is",
    tags,
    request: { query: z.object({ skip_current_image: z.string().optional() }) },
    responses: { 200: { description: "How far", content: json(Progress) } },
  }, (c) => {
    const isSkipped = /^(true|1|yes|on)$/i.test(c.req.query("skip_current_image") ?? "");
    return c.json(progressOf(runs.of(c.var.owner), !isSkipped));
  });

  for (const name of ["interrupt", "skip"]) {
    route(app, {
      method: "post",
      path: `/sdapi/v1/${name}`,
      summary: "End the key's first run before its next step",
      tags,
      responses: { 200: { description: "It ends", content: json(Nothing) } },
    }, async (c) => {
      const run = runs.of(c.var.owner).find(({ interrupted }) => !interrupted);
      if (run !== undefined) {
        run.interrupted = true;
        await queue.cancel(run.job.id);
      }
      return c.json({});
    });
  }

  route(app, {
    method: "get",
    path: "/sdapi/v1/options",
    summary: "The settings of the key",
    tags,
    responses: { 200: { description: "The settings", content: json(OptionsSchema) } },
  }, (c) => {
    const { state } = context.models;
    const first = state.phase === "ready" ? state.models[0]?.id ?? null : null;
    return c.json({ sd_model_checkpoint: first, ...options.get(c.var.owner) });
  });
  route(app, {
    method: "post",
    path: "/sdapi/v1/options",
    summary: "Change settings of the key",
    tags,
    request: { body: { required: true, content: json(OptionsSchema) } },
    responses: { ...responses, 200: { description: "They are changed", content: json(Nothing) } },
  }, async (c) => {
    const body = await readJson(c, limits.maxBodyBytes);
    const given = check(OptionsSchema, body);
    const warnings = settleFields(body, OPTION_RULES);
    const models = await context.readyModels(c.req.raw.signal);
    const { sd_model_checkpoint: wanted } = given;
    if (wanted !== undefined && !models.some(({ id }) => id === wanted)) {
      const known = models.map(({ id }) => id).join(", ");
      const message = `There is no model ${JSON.stringify(wanted)} here; there is ${known}`;
      throw new ServeError("model_not_found", message, { field: "sd_model_checkpoint" });
    }
    options.set(c.var.owner, given);
    return c.json(warnings.length === 0 ? {} : { warnings });
  });
  mountLists(app, context);
}

/** /sdapi/v1/*. */
export const sdapiDoor: Door = {
  name: "sdapi",
  owns: (path) => /^\/(sdapi|controlnet)(\/|$)/.test(path),
  mount,
  errorBody: ({ message, code, field }) =>
    code === "invalid_input"
      ? {
        detail: [{ loc: ["body", ...field?.split(".") ?? []], msg: message, type: "value_error" }],
      }
      : { error: code, detail: message, body: "", errors: message },
  errorStatus: ({ code, status }) => code === "invalid_input" ? 422 : status,
};
