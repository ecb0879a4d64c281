import type { OpenAPIHono } from "@hono/zod-openapi";
import type { ServeError } from "../contract/errors.ts";
import type { AppEnv, DoorContext } from "../http/context.ts";

/** One way in: the routes that one kind of client speaks, over the same queue as all others. */
export interface Door {
  /** Its name in metrics and logs. */
  readonly name: string;
  /** Whether such requests are its own; the first door that says so has them. */
  owns(path: string, method: string): boolean;
  /** Whether such a request of its own needs no key. None by default. */
  isPublic?(path: string, method: string): boolean;
  /** Adds its routes. */
  mount(app: OpenAPIHono<AppEnv>, context: DoorContext): void;
  /** An error as the body that its clients understand. */
  errorBody(error: ServeError): object;
  /** The HTTP status of an error, where it is not the error's own. */
  errorStatus?(error: ServeError): number;
}
