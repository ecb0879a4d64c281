import { type Audio, roleKey } from "@denoise/core";
import { invalid } from "../contract/errors.ts";
import type { JobInput } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import { longestAudio, type SizeLimits } from "../contract/size_limits.ts";

/** Audio that a caller gave, decoded, by the names that calls have for it; refused when a run on it would be too long. */
export async function givenClips(
  { clips = {} }: JobInput,
  model: Pick<ModelInfo, "seconds">,
  limits: SizeLimits,
): Promise<Readonly<Record<string, Audio>>> {
  const longest = longestAudio(model, limits);
  const decoded = Object.entries(clips).map(async ([name, file]) => {
    const field = roleKey(name);
    const clip = await decode(file, field);
    if (clip.duration <= longest) return [name, clip];
    throw invalid(
      field,
      `${field} is of ${clip.duration} seconds, but can have ${longest} at most`,
    );
  });
  return Object.fromEntries(await Promise.all(decoded));
}

async function decode(file: Uint8Array, field: string): Promise<Audio> {
  const { decodeAudio } = await import("@denoise/denoise");
  try {
    return decodeAudio(file);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(field, error.message);
    throw error;
  }
}
