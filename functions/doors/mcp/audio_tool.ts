import { z } from "@hono/zod-openapi";
import type { Limits } from "../../contract/limits.ts";
import { MAX_SECONDS } from "../../contract/limits.ts";
import { check } from "../../http/body.ts";
import { integer, optional, real, seed, text } from "../../http/fields.ts";
import type { DoorTool } from "./tool.ts";

/** The tool that makes audio. */
export function audioTool(limits: Limits): DoorTool {
  const schema = z.object({
    prompt: optional(text(limits.maxPromptBytes)).describe("What is to be heard"),
    negative_prompt: optional(text(limits.maxPromptBytes)).describe("What is not to be heard"),
    lyrics: optional(text(limits.maxPromptBytes)).describe(
      "What is sung, with marks such as [verse]; for models that sing",
    ),
    model: optional(text(200)).describe(
      "One of the server's models; its first that makes audio by default",
    ),
    audio_length_in_s: optional(real(0, MAX_SECONDS)).describe(
      "Seconds; the model's own by default",
    ),
    n: optional(integer(1, limits.maxImages)).describe("How many audio clips"),
    seed: optional(seed()).describe("The same seed makes the same audio; a random one by default"),
    num_inference_steps: optional(integer(1, limits.maxSteps)).describe("Denoising steps"),
    guidance_scale: optional(real(0, 100)).describe("How closely the prompt is followed"),
    scheduler: optional(text(100)).describe("Class of a scheduler of diffusers"),
  }, { error: "must be an object" });
  return {
    makes: "audio",
    fields: Object.keys(schema.shape),
    description: {
      name: "generate_audio",
      title: "Generate audio",
      description: "Makes music, sounds and noises (WAV) from a prompt, with a diffusion model",
      inputSchema: z.toJSONSchema(schema, {
        io: "input",
      }) as DoorTool["description"]["inputSchema"],
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    toRequest(given) {
      const fields = check(schema, given);
      return {
        wants: "audio",
        model: fields.model,
        prompt: fields.prompt,
        negativePrompt: fields.negative_prompt,
        lyrics: fields.lyrics,
        seconds: fields.audio_length_in_s,
        count: fields.n ?? 1,
        seed: fields.seed,
        steps: fields.num_inference_steps,
        guidanceScale: fields.guidance_scale,
        scheduler: fields.scheduler,
      };
    },
  };
}
