/**
 * The door for Hugging Face's clients: `InferenceClient` of huggingface_hub, `@huggingface/inference`,
 * inference endpoints.
 *
 * The JavaScript client asks again at once, without end, when it gets a 503. So a request is held
 * while the models load, and nothing here is answered with 503.
 *
 * @module
 */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ServeError } from "../contract/errors.ts";
import { type JobFormat, resultsOf } from "../contract/job.ts";
import { type Limits, MAX_SECONDS } from "../contract/limits.ts";
import { imageOf } from "../http/base64.ts";
import { check, readJsonOrImage } from "../http/body.ts";
import { callerOf } from "../http/caller.ts";
import type { AppContext, AppEnv, DoorContext } from "../http/context.ts";
import { integer, oneOf, optional, real, seed, text } from "../http/fields.ts";
import { done, type FieldRules, ignored, leftAside, settleFields } from "../http/field_rules.ts";
import { planJob, type PlanOptions, type RunRequest } from "../http/plan.ts";
import { type Operation, route } from "../http/route.ts";
import { runToEnd } from "../http/run.ts";
import { setServerTiming } from "../http/server_timing.ts";
import type { Door } from "./door.ts";

const NAMES = {
  prompt: "inputs",
  image: "inputs",
  mask: "parameters.mask_image",
  steps: "parameters.num_inference_steps",
  guidanceScale: "parameters.guidance_scale",
  negativePrompt: "parameters.negative_prompt",
  strength: "parameters.strength",
  promptSyntax: "parameters.prompt_syntax",
  scheduler: "parameters.scheduler",
  seconds: "parameters.audio_length_in_s",
  lyrics: "parameters.lyrics",
  format: "accept",
};

/** The names of fields as a request has them. */
function namesIn(parameters: Body["parameters"]): Readonly<Record<string, string>> {
  const size = parameters?.target_size === undefined ? "parameters" : "parameters.target_size";
  return {
    ...NAMES,
    prompt: parameters?.prompt === undefined ? "inputs" : "parameters.prompt",
    width: `${size}.width`,
    height: `${size}.height`,
  };
}

/** What is done with each field of the body. */
export const BODY_RULES: FieldRules = {
  ...done("inputs", "parameters"),
  options: ignored("nothing is cached, and a request waits until the model is loaded"),
};

/** What is done with each field of `parameters`. */
export const PARAMETER_RULES: FieldRules = done(
  ...["prompt", "negative_prompt", "width", "height", "target_size", "num_inference_steps"],
  ...["guidance_scale", "strength", "prompt_syntax", "scheduler", "seed", "mask_image"],
  ...["audio_length_in_s", "lyrics"],
);

function requestSchema(limits: Limits) {
  const error = "must be a text: the prompt, or an image in base64";
  const longest = Math.ceil(limits.maxImageBytes * 4 / 3) + 4;
  const mask = "must be an image in base64";
  return z.object({
    inputs: z.string({ error }).max(longest, { error }),
    parameters: optional(z.object({
      prompt: optional(text(limits.maxPromptBytes)),
      negative_prompt: optional(text(limits.maxPromptBytes)),
      width: optional(integer(8, limits.maxSide)),
      height: optional(integer(8, limits.maxSide)),
      target_size: optional(z.object({
        width: integer(8, limits.maxSide),
        height: integer(8, limits.maxSide),
      })),
      num_inference_steps: optional(integer(1, limits.maxSteps)),
      guidance_scale: optional(real(0, 100)),
      strength: optional(real(0, 1)),
      prompt_syntax: optional(oneOf("compel", "a1111")),
      scheduler: optional(text(100)),
      seed: optional(seed()),
      audio_length_in_s: optional(real(0, MAX_SECONDS)),
      lyrics: optional(text(limits.maxPromptBytes)),
      mask_image: optional(z.string({ error: mask }).max(longest, { error: mask })),
    }, { error: "must be an object" })),
  }).openapi("HuggingFaceRequest");
}

type Body = z.output<ReturnType<typeof requestSchema>>;

function operation(path: string, schema: z.ZodType): Operation {
  const error = z.object({ error: z.string(), code: z.string() });
  const failed = (description: string) => ({
    description,
    content: { "application/json": { schema: error } },
  });
  return {
    method: "post",
    path,
    summary: "Make an image or audio, as the clients of Hugging Face ask for it",
    tags: ["huggingface"],
    request: {
      ...(path === "/" ? {} : { params: z.object({ owner: z.string(), name: z.string() }) }),
      body: {
        required: true,
        content: {
          "application/json": { schema },
          "image/png": { schema: z.any().openapi({ type: "string", format: "binary" }) },
        },
      },
    },
    responses: {
      200: {
        description: "The image, or the audio",
        content: {
          "image/png": { schema: z.any().openapi({ type: "string", format: "binary" }) },
          "audio/wav": { schema: z.any().openapi({ type: "string", format: "binary" }) },
        },
      },
      400: failed("A field has a wrong value"),
      401: failed("The token is missing or unknown"),
      404: failed("There is no such model"),
      413: failed("The body is too large"),
      415: failed("The body has another type"),
      429: failed("The queue is full; Retry-After says when"),
      500: failed("The run failed"),
      504: failed("The models were not loaded in time, or the run took too long"),
    },
  };
}

function mount(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const schema = requestSchema(context.limits);
  const handler = async (c: AppContext): Promise<Response> => {
    const caller = callerOf(c);
    const { signal } = caller;
    const { request, ...rest } = await readRequest(c, schema, context.limits.maxUploadBytes);
    const options = { ...rest, ...caller };
    const model = modelOf(c, context);
    const job = await planJob(context, { ...request, model, wants: wantsOf(request) }, options);
    const finished = await runToEnd(context.queue, job, signal);
    setServerTiming(c, finished);
    for (const warning of finished.warnings) {
      c.header("x-warning", ascii(warning), { append: true });
    }
    const { bytes, mediaType } = resultsOf(finished)[0]!;
    return c.body(bytes.slice().buffer, 200, { "content-type": mediaType });
  };
  route(app, operation("/", schema), handler);
  route(app, operation("/models/{owner}/{name}", schema), handler);
}

/** The name in the path counts where a model of that name is loaded, or the only one is. */
function modelOf(c: AppContext, { models: { state } }: DoorContext): string | undefined {
  const [owner, name] = [c.req.param("owner"), c.req.param("name")];
  if (owner === undefined) return undefined;
  const wanted = `${owner}/${name}`;
  const loaded = state.phase === "ready" ? state.models : [];
  const byName = loaded.find(({ id }) => id === name);
  return loaded.some(({ id }) => id === wanted) ? wanted : byName?.id ?? wanted;
}

/** What a caller that accepts one format alone can take. */
function wantsOf({ format }: RunRequest): RunRequest["wants"] {
  if (format === undefined) return "any";
  return format === "wav" ? "audio" : "images";
}

/** A text as a header can carry it. */
function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

/** What a body asks for, what of it is left aside, and its own names of fields. */
interface Understood extends Pick<PlanOptions, "names" | "warnings" | "others"> {
  readonly request: RunRequest;
}

async function readRequest(
  c: AppContext,
  schema: ReturnType<typeof requestSchema>,
  maxBytes: number,
): Promise<Understood> {
  const format = formatOf(c.req.header("accept") ?? "");
  const body = await readJsonOrImage(c, maxBytes);
  if ("image" in body) {
    return { request: { prompt: "", image: body.image, format }, names: NAMES };
  }
  const fields = check(schema, body.json);
  const { parameters } = body.json as { parameters?: unknown };
  const { warnings, others } = leftAside(parameters, PARAMETER_RULES, "parameters");
  return {
    request: { ...toRequest(fields), format },
    names: namesIn(fields.parameters),
    warnings: [...settleFields(body.json, BODY_RULES), ...warnings],
    others: { fields: others },
  };
}

/** The first format that a caller accepts and that can be written; the model's own where it takes any. */
function formatOf(accept: string): JobFormat | undefined {
  const found = accept.match(/(?:image\/(?:png|jpe?g|webp)|audio\/(?:x-|vnd\.)?wave?)\b/)?.[0];
  if (found === undefined) return undefined;
  if (found.startsWith("audio/")) return "wav";
  return found === "image/jpg" ? "jpeg" : found.slice("image/".length) as JobFormat;
}

function toRequest({ inputs, parameters = {} as NonNullable<Body["parameters"]> }: Body) {
  const { prompt, target_size, mask_image } = parameters;
  const image = prompt === undefined && mask_image === undefined
    ? imageIn(inputs)
    : imageOf(inputs, "inputs");
  return {
    prompt: image === undefined ? inputs : prompt ?? "",
    image,
    mask: mask_image === undefined ? undefined : imageOf(mask_image, "parameters.mask_image"),
    negativePrompt: parameters.negative_prompt,
    width: target_size?.width ?? parameters.width,
    height: target_size?.height ?? parameters.height,
    steps: parameters.num_inference_steps,
    guidanceScale: parameters.guidance_scale,
    strength: parameters.strength,
    promptSyntax: parameters.prompt_syntax,
    scheduler: parameters.scheduler,
    seconds: parameters.audio_length_in_s,
    lyrics: parameters.lyrics,
    seed: parameters.seed,
  };
}

/** How files of images begin in base64: PNG, JPEG, WebP, GIF. */
const IMAGE = /^(data:image\/|iVBORw0KGgo|\/9j\/|UklGR|R0lGOD)/;

/** A text that is an image in base64; any other is a prompt. */
function imageIn(inputs: string): Uint8Array | undefined {
  return inputs.length > 64 && IMAGE.test(inputs) ? imageOf(inputs, "inputs") : undefined;
}

/** POST / and POST /models/OWNER/NAME. */
export const huggingfaceDoor: Door = {
  name: "huggingface",
  owns: (path) => path === "/" || /^\/models\/[^/]+\/[^/]+$/.test(path),
  mount,
  errorBody: ({ message, code }: ServeError) => ({ error: message, code }),
  errorStatus: ({ status }) => status === 503 ? 500 : status,
};
