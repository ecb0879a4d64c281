import type { Door } from "./door.ts";
import { docsDoor } from "./docs/mod.ts";
import { huggingfaceDoor } from "./huggingface.ts";
import { mcpDoor } from "./mcp/mod.ts";
import { operatorDoor } from "./operator.ts";
import { openaiDoor } from "./openai/mod.ts";
import { playgroundDoor } from "./playground/mod.ts";
import { predictionsDoor } from "./predictions/mod.ts";
import { sdapiDoor } from "./sdapi/mod.ts";

/** The ways in that every app has by default. */
export const builtInDoors: readonly Door[] = [
  predictionsDoor,
  openaiDoor,
  sdapiDoor,
  mcpDoor,
  operatorDoor,
  docsDoor,
  playgroundDoor,
  huggingfaceDoor,
];
