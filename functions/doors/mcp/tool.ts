import { z } from "@hono/zod-openapi";
import type { CallToolResult, Tool } from "@modelcontextprotocol/sdk/types.js";
import { resultsOf } from "../../contract/job.ts";
import type { Limits } from "../../contract/limits.ts";
import { imageOf } from "../../http/base64.ts";
import { check } from "../../http/body.ts";
import { integer, oneOf, optional, real, seed, text } from "../../http/fields.ts";
import type { RunRequest } from "../../http/plan.ts";
import type { Finished } from "../../http/run.ts";

/** A tool of this door. */
export interface DoorTool {
  /** What it makes: it is there for servers that have a model for it. */
  readonly makes: "images" | "audio";
  /** Names of its arguments. */
  readonly fields: readonly string[];
  /** What the list of tools tells of it. */
  readonly description: Tool;
  /** Arguments in the words of the queue. */
  toRequest(given: unknown): RunRequest;
}

/** This door's names of what the others name differently. */
export const NAMES: Readonly<Record<string, string>> = {
  negativePrompt: "negative_prompt",
  count: "n",
  steps: "num_inference_steps",
  guidanceScale: "guidance_scale",
  clipSkip: "clip_skip",
  seconds: "audio_length_in_s",
  promptSyntax: "prompt_syntax",
};

/** The arguments of the tool that makes images. */
function argumentsSchema(limits: Limits) {
  const longest = Math.ceil(limits.maxImageBytes * 4 / 3) + 100;
  const file = z.string({ error: "must be an image in base64" }).max(longest, {
    error: `must be an image of at most ${limits.maxImageBytes} bytes in base64`,
  });
  return z.object({
    prompt: optional(text(limits.maxPromptBytes)).describe("What the image should show"),
    negative_prompt: optional(text(limits.maxPromptBytes))
      .describe("What the image should not show"),
    model: optional(text(200)).describe("One of the server's models; its first by default"),
    width: optional(integer(8, limits.maxSide)).describe("Pixels; a multiple of 8"),
    height: optional(integer(8, limits.maxSide)).describe("Pixels; a multiple of 8"),
    n: optional(integer(1, limits.maxImages)).describe("How many images"),
    seed: optional(seed()).describe("The same seed makes the same image; a random one by default"),
    num_inference_steps: optional(integer(1, limits.maxSteps)).describe("Denoising steps"),
    guidance_scale: optional(real(0, 100)).describe("How closely the prompt is followed"),
    scheduler: optional(text(100)).describe("Class of a scheduler of diffusers"),
    image: optional(file).describe("An image to change, in base64"),
    mask: optional(file).describe("White where the image is inpainted, in base64"),
    strength: optional(real(0, 1)).describe("How far the image is changed"),
    clip_skip: optional(integer(0, 12)).describe("Last layers of the text encoder to leave out"),
    prompt_syntax: optional(oneOf("compel", "a1111"))
      .describe(
        "How prompts weigh their words, such as a1111's (word:1.3); they do not by default",
      ),
    output_format: optional(oneOf("png", "jpeg", "webp")),
  }, { error: "must be an object" });
}

/** The tool that makes images. */
export function imageTool(limits: Limits): DoorTool {
  const schema = argumentsSchema(limits);
  return {
    makes: "images",
    fields: Object.keys(schema.shape),
    description: {
      name: "generate_image",
      title: "Generate an image",
      description: "Makes images from a prompt, or changes a given one, with a diffusion model",
      inputSchema: z.toJSONSchema(schema, { io: "input" }) as Tool["inputSchema"],
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    toRequest: (given) => toRequest(schema, given),
  };
}

function toRequest(
  schema: ReturnType<typeof argumentsSchema>,
  given: unknown,
): RunRequest {
  const fields = check(schema, given);
  return {
    model: fields.model,
    prompt: fields.prompt,
    negativePrompt: fields.negative_prompt,
    image: fields.image === undefined ? undefined : imageOf(fields.image, "image"),
    mask: fields.mask === undefined ? undefined : imageOf(fields.mask, "mask"),
    width: fields.width,
    height: fields.height,
    count: fields.n ?? 1,
    seed: fields.seed,
    steps: fields.num_inference_steps,
    guidanceScale: fields.guidance_scale,
    strength: fields.strength,
    clipSkip: fields.clip_skip,
    promptSyntax: fields.prompt_syntax,
    scheduler: fields.scheduler,
    format: fields.output_format ?? "png",
  };
}

/** The images or the audio, and as text what they were made from. */
export function toResult(
  made: Pick<Finished, "images" | "audios" | "warnings">,
): CallToolResult {
  const results = resultsOf(made);
  const recipes = results.map(({ recipe }) => recipe);
  const { warnings } = made;
  return {
    content: [
      ...results.map(({ bytes, mediaType }) => ({
        type: mediaType.startsWith("audio/") ? "audio" as const : "image" as const,
        data: bytes.toBase64(),
        mimeType: mediaType,
      })),
      { type: "text", text: JSON.stringify({ recipes, warnings }) },
    ],
  };
}
