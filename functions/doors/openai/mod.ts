/**
 * OpenAI's images API, which is the native one too: diffusers' parameters stand beside OpenAI's at top
 * level, as other servers have them.
 *
 * @module
 */
import type { Door } from "../door.ts";
import { mountCapabilities } from "./capabilities.ts";
import { errorBody } from "./errors.ts";
import { mountEdits, mountGenerations, mountVariations } from "./images.ts";
import { mountModels } from "./models.ts";

/** /v1/images/*, /v1/models, /v1/schedulers, /v1/capabilities. */
export const openaiDoor: Door = {
  name: "openai",
  owns: (path) => path === "/v1" || path.startsWith("/v1/"),
  mount(app, context): void {
    mountGenerations(app, context);
    mountEdits(app, context);
    mountVariations(app, context);
    mountModels(app, context);
    mountCapabilities(app, context);
  },
  errorBody,
};
