import { isWav, wavRecipe } from "./audio.js";

const KEYWORD = "denoise";

/** The recipe in a PNG or WAV file that denoise made, or undefined. */
export async function readRecipe(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (isWav(bytes)) return wavRecipe(bytes);
  const view = new DataView(bytes.buffer);
  if (bytes.length < 8 || view.getUint32(0) !== 0x89504e47) return undefined;
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "tEXt" || type === "iTXt") {
      const chunk = bytes.subarray(at + 8, at + 8 + length);
      const end = chunk.indexOf(0);
      if (new TextDecoder("latin1").decode(chunk.subarray(0, end)) === KEYWORD) {
        const text = type === "tEXt"
          ? new TextDecoder("latin1").decode(chunk.subarray(end + 1))
          : new TextDecoder().decode(chunk.subarray(end + 5));
        return JSON.parse(text);
      }
    }
    at += length + 12;
  }
  return undefined;
}

/** What of a recipe a request can say, by its own names. */
const FIELDS = {
  prompt: "prompt",
  negativePrompt: "negative_prompt",
  lyrics: "lyrics",
  model: "model",
  steps: "num_inference_steps",
  guidanceScale: "guidance_scale",
  scheduler: "scheduler",
  promptSyntax: "prompt_syntax",
  strength: "strength",
};

/** A recipe as the fields of the request that makes its image again. */
export function fieldsOfRecipe(recipe) {
  const fields = {};
  for (const [name, field] of Object.entries(FIELDS)) {
    if (recipe[name] !== undefined && recipe[name] !== null) fields[field] = recipe[name];
  }
  if (recipe.seed !== undefined) fields.seed = String(recipe.seed);
  const { audioDuration, audioEndInS = audioDuration, audioLengthInS = audioEndInS } = recipe;
  if (audioLengthInS !== undefined) fields.audio_length_in_s = audioLengthInS;
  if (recipe.width && recipe.height) fields.size = `${recipe.width}x${recipe.height}`;
  return fields;
}
