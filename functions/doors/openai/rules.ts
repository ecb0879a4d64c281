import { done, type FieldRules, ignored, refused } from "../../http/field_rules.ts";

const USER = "nothing is kept about users of a key";
const FIXED =
  "the model and its settings decide; num_inference_steps and guidance_scale change them";

/** Fields of every images route: OpenAI's, then those of diffusers. */
const SHARED: FieldRules = {
  ...done("model", "n", "size", "response_format", "output_format", "output_compression"),
  ...done("background", "stream", "partial_images"),
  user: ignored(USER),
  quality: ignored(FIXED, "auto"),
  ...done("negative_prompt", "seed", "num_inference_steps", "guidance_scale", "eta", "clip_skip"),
  ...done("prompt_syntax", "scheduler", "loras", "controlnets", "progress"),
};

/** What is done with each field of POST /v1/images/generations. */
export const GENERATION_RULES: FieldRules = {
  ...SHARED,
  ...done("prompt"),
  style: ignored(FIXED),
  moderation: ignored("prompts are not moderated; a model may have a safety checker", "auto"),
  ...Object.fromEntries(
    ["image", "mask", "strength"].map((name) => [
      name,
      refused("images are changed at /v1/images/edits"),
    ]),
  ),
};

/** What is done with each field of POST /v1/images/edits. */
export const EDIT_RULES: FieldRules = {
  ...SHARED,
  ...done("prompt", "image", "mask", "strength"),
  input_fidelity: ignored("strength says how far the image is changed"),
};

/** What is done with each field of POST /v1/images/variations. */
export const VARIATION_RULES: FieldRules = { ...SHARED, ...done("prompt", "image", "strength") };
