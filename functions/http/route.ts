import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import type { AppContext, AppEnv } from "./context.ts";

/** An operation of the published description; the schemas in it are those that validate. */
export type Operation = RouteConfig;

/** Adds a route and its description. */
export function route(
  app: OpenAPIHono<AppEnv>,
  operation: Operation,
  handler: (c: AppContext) => Response | Promise<Response>,
): void {
  app.openAPIRegistry.registerPath(operation);
  const path = operation.path.replace(/\{(\w+)\}/g, ":$1");
  app.on(operation.method.toUpperCase(), path, handler);
}
