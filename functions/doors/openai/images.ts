import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "@hono/zod-openapi";
import {
  check,
  type Form,
  formFields,
  formFile,
  formFiles,
  readForm,
  readJson,
} from "../../http/body.ts";
import type { AppEnv, DoorContext } from "../../http/context.ts";
import { type FieldRules, leftAside } from "../../http/field_rules.ts";
import type { PlanOptions } from "../../http/plan.ts";
import { type Operation, route } from "../../http/route.ts";
import { answer } from "./reply.ts";
import { toRequest } from "./request.ts";
import { EDIT_RULES, GENERATION_RULES, VARIATION_RULES } from "./rules.ts";
import {
  editSchema,
  ErrorResponse,
  file,
  files,
  FLAGS,
  generationSchema,
  type ImageFields,
  ImagesResponse,
  LISTS,
  NUMBERS,
  variationSchema,
} from "./schemas.ts";

const content = (schema: z.ZodType) => ({ "application/json": { schema } });

/** What every images route replies. */
const responses: Operation["responses"] = {
  200: {
    description: "The images, or with `stream` server-sent events",
    content: {
      ...content(ImagesResponse),
      "text/event-stream": { schema: z.string() },
    },
  },
  400: { description: "A field has a wrong value", content: content(ErrorResponse) },
  401: { description: "The key is missing or unknown", content: content(ErrorResponse) },
  404: { description: "There is no such model", content: content(ErrorResponse) },
  413: { description: "The body is too large", content: content(ErrorResponse) },
  415: { description: "The body has another type", content: content(ErrorResponse) },
  429: { description: "The queue is full; Retry-After says when", content: content(ErrorResponse) },
  500: { description: "The run failed", content: content(ErrorResponse) },
  503: { description: "The server goes down", content: content(ErrorResponse) },
  504: { description: "The run took too long", content: content(ErrorResponse) },
};

/** POST /v1/images/generations. */
export function mountGenerations(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const schema = generationSchema(context.limits);
  route(app, {
    method: "post",
    path: "/v1/images/generations",
    summary: "Make images from a prompt",
    tags: ["images"],
    request: { body: { required: true, content: content(schema) } },
    responses,
  }, async (c) => {
    const body = await readJson(c, bodyBytes(context));
    const fields = { ...check(schema, body), strength: undefined };
    const aside = settled(body, fields, GENERATION_RULES);
    return await answer(c, context, fields, toRequest(fields), "image_generation", aside);
  });
}

/** Bytes of a request in JSON: it holds images where ControlNets, or options of a model, read some. */
function bodyBytes({ limits, models: { state } }: DoorContext): number {
  const models = state.phase === "ready" ? state.models : [];
  const takesImages = models.some(({ controlNets = {}, options = {} }) =>
    Object.keys(controlNets).length > 0 ||
    Object.values(options).some(({ option }) => option.type === "image")
  );
  return takesImages ? limits.maxUploadBytes : limits.maxBodyBytes;
}

/** How many images OpenAI takes at most for one edit. */
const MAX_IMAGES = 16;

/** POST /v1/images/edits: with a mask what it covers is inpainted, else the whole image. */
export function mountEdits(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const schema = editSchema(context.limits);
  route(app, {
    method: "post",
    path: "/v1/images/edits",
    summary: "Change an image, or the part of it that a mask covers",
    tags: ["images"],
    request: {
      body: {
        required: true,
        content: {
          "multipart/form-data": { schema: schema.extend({ image: files, mask: file.optional() }) },
        },
      },
    },
    responses,
  }, async (c) => {
    const form = await readForm(c, context.limits.maxUploadBytes);
    const given = fieldsOf(form, "image", "mask");
    const fields = check(schema, given);
    const aside = settled(given, fields, EDIT_RULES, true);
    const [image, ...others] = formFiles(form, "image", MAX_IMAGES);
    const mask = formFile(form, "mask");
    const moreImages = others.length > 0 ? others : undefined;
    const task = mask === undefined ? "image-to-image" : "inpaint";
    const request = { ...toRequest(fields), image, moreImages, mask, task } as const;
    return await answer(c, context, fields, request, "image_edit", aside);
  });
}

/** How far a variation is from its image, unless the caller says. */
const VARIATION_STRENGTH = 0.6;

/** POST /v1/images/variations: an image changed without a text. */
export function mountVariations(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const schema = variationSchema(context.limits);
  route(app, {
    method: "post",
    path: "/v1/images/variations",
    summary: "Make images like an image",
    tags: ["images"],
    request: {
      body: {
        required: true,
        content: { "multipart/form-data": { schema: schema.extend({ image: file }) } },
      },
    },
    responses,
  }, async (c) => {
    const form = await readForm(c, context.limits.maxUploadBytes);
    const given = fieldsOf(form, "image");
    const fields = check(schema, given);
    const aside = settled(given, fields, VARIATION_RULES, true);
    const { prompt = "", strength = VARIATION_STRENGTH } = fields;
    const image = formFile(form, "image");
    const request = {
      ...toRequest(fields),
      prompt,
      strength,
      image,
      task: "image-to-image",
    } as const;
    return await answer(c, context, fields, request, "image_edit", aside);
  });
}

/** What of a request nothing is done with here. */
function settled(
  given: unknown,
  fields: ImageFields,
  rules: FieldRules,
  areTexts = false,
): Pick<PlanOptions, "warnings" | "others"> {
  const { warnings, others } = leftAside(given, rules);
  return { warnings: [...warnings, ...useless(fields)], others: { fields: others, areTexts } };
}

/** Fields that mean something only beside others. */
function useless({ stream, partial_images, response_format, progress }: ImageFields): string[] {
  return [
    ...!stream && partial_images ? ["partial_images was ignored: it is for stream: true"] : [],
    ...!stream && progress ? ["progress was ignored: it is for stream: true"] : [],
    ...stream && response_format === "url"
      ? ["response_format was ignored: a stream carries images in base64"]
      : [],
  ];
}

function fieldsOf(form: Form, ...files: readonly string[]): object {
  return formFields(form, { numbers: NUMBERS, flags: FLAGS, lists: LISTS, files });
}
