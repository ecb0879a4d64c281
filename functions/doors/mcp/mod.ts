/**
 * The door for the Model Context Protocol, at /mcp: assistants draw with the tool `generate_image`, and
 * make audio with `generate_audio`; each is there where a model is.
 *
 * No session is kept: each request stands for itself, so that any edge can answer it. A run ends when
 * its connection does.
 *
 * @module
 */
import { StreamableHTTPTransport } from "@hono/mcp";
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  type CallToolRequest,
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type ServerNotification,
  type ServerRequest,
} from "@modelcontextprotocol/sdk/types.js";
import { VERSION } from "@denoise/core";
import { invalid, ServeError, toServeError } from "../../contract/errors.ts";
import { readJson } from "../../http/body.ts";
import { callerOf, type RequestCaller } from "../../http/caller.ts";
import type { AppContext, AppEnv, DoorContext } from "../../http/context.ts";
import { done, leftAside } from "../../http/field_rules.ts";
import { planJob } from "../../http/plan.ts";
import { type Operation, route } from "../../http/route.ts";
import { followOwn, throwIfFailed } from "../../http/run.ts";
import { log } from "../../observe/log.ts";
import type { Door } from "../door.ts";
import { audioTool } from "./audio_tool.ts";
import { type DoorTool, imageTool, NAMES, toResult } from "./tool.ts";

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

const Message = z.looseObject({ jsonrpc: z.literal("2.0") }).openapi("JsonRpcMessage");
const content = { "application/json": { schema: Message } };
const failed = (description: string) => ({ description, content });

const responses: Operation["responses"] = {
  200: {
    description: "Server-sent events, each a message; the last is the answer",
    content: { "text/event-stream": { schema: z.string() } },
  },
  202: { description: "A message that needs no answer was taken" },
  400: failed("The message cannot be read"),
  401: failed("The key is missing or unknown"),
  413: failed("The body is too large"),
  415: failed("The body has another type"),
  429: failed("The key asks too often"),
  503: failed("The server goes down"),
};

function mount(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const known = [imageTool(context.limits), audioTool(context.limits)];

  /** The tools that the models are for; before these are loaded, the one that makes images. */
  function tools(): DoorTool[] {
    const { state } = context.models;
    const models = state.phase === "ready" ? state.models : [];
    const made = new Set(models.map(({ makes = "images" }) => makes));
    return known.filter(({ makes }) => made.has(makes) || made.size === 0 && makes === "images");
  }

  async function draw(
    tool: DoorTool,
    given: unknown,
    caller: RequestCaller,
    { sendNotification, _meta }: Extra,
  ) {
    const { signal } = caller;
    const request = tool.toRequest(given ?? {});
    const { others } = leftAside(given, done(...tool.fields));
    const job = await planJob(context, request, {
      ...caller,
      names: NAMES,
      others: { fields: others },
    });
    const progressToken = _meta?.progressToken;
    await context.queue.submit(job);
    const warnings = [...job.warnings ?? []];
    for await (const event of followOwn(context.queue, job, signal)) {
      if (event.type === "step" && progressToken !== undefined) {
        const { step: progress, of: total } = event;
        const message = `Step ${progress} of ${total}`;
        const params = { progressToken, progress, total, message };
        await sendNotification({ method: "notifications/progress", params });
      }
      if (event.type === "warning") warnings.push(event.message);
      if (event.type === "succeeded") return toResult({ ...event, warnings });
      throwIfFailed(event, job);
    }
    throw new ServeError("internal", "The run ended without a result");
  }

  /** A server for one request of one caller. */
  function serverFor(c: AppContext, gone: AbortSignal): Server {
    const { requestId } = c.var;
    const caller = callerOf(c);
    const server = new Server({ name: "denoise", version: VERSION }, {
      capabilities: { tools: {} },
    });
    server.setRequestHandler(
      ListToolsRequestSchema,
      () => ({ tools: tools().map(({ description }) => description) }),
    );
    server.setRequestHandler(
      CallToolRequestSchema,
      async ({ params }: CallToolRequest, extra: Extra): Promise<CallToolResult> => {
        const tool = known.find(({ description: { name } }) => name === params.name);
        if (tool === undefined) {
          const names = tools().map(({ description: { name } }) => name).join(", ");
          throw new McpError(ErrorCode.InvalidParams, `There is no such tool; there is ${names}`);
        }
        try {
          const signal = AbortSignal.any([gone, extra.signal]);
          return await draw(tool, params.arguments, { ...caller, signal }, extra);
        } catch (thrown) {
          const { code, message, status, cause } = toServeError(thrown);
          if (status >= 500) log.error("{code}: {message}", { code, message, cause, requestId });
          return { content: [{ type: "text", text: message }], isError: true };
        }
      },
    );
    return server;
  }

  route(app, {
    method: "post",
    path: "/mcp",
    summary: "A message of the Model Context Protocol",
    tags: ["mcp"],
    request: { body: { required: true, content } },
    responses,
  }, async (c) => {
    const message = await readJson(c, context.limits.maxUploadBytes);
    if (Array.isArray(message)) {
      throw invalid(undefined, "Cannot take a list of messages: post one at a time");
    }
    const gone = new AbortController();
    const transport = new StreamableHTTPTransport();
    await serverFor(c, AbortSignal.any([c.req.raw.signal, gone.signal])).connect(transport);
    const reply = await transport.handleRequest(c, message) ?? c.body(null, 202);
    return new Response(endingWith(reply.body, gone), reply);
  });

  for (const method of ["get", "delete"] as const) {
    route(app, {
      method,
      path: "/mcp",
      summary: "Nothing: no session is kept",
      tags: ["mcp"],
      responses: { 405: failed("Messages are posted") },
    }, (c) => {
      const error = {
        code: ErrorCode.ConnectionClosed,
        message: "Post a message: no session is kept",
      };
      return c.json({ jsonrpc: "2.0", error, id: null }, 405, { allow: "POST" });
    });
  }
}

/** The same body; when its reader goes, so is the caller. */
function endingWith(
  body: ReadableStream<Uint8Array> | null,
  gone: AbortController,
): ReadableStream<Uint8Array> | null {
  const reader = body?.getReader();
  if (reader === undefined) return null;
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason): Promise<void> {
      gone.abort(reason);
      await reader.cancel(reason);
    },
  });
}

/** /mcp. */
export const mcpDoor: Door = {
  name: "mcp",
  owns: (path) => path === "/mcp",
  mount,
  errorBody: ({ message, code, status }) => ({
    jsonrpc: "2.0",
    error: {
      code: status >= 500 ? ErrorCode.InternalError : ErrorCode.InvalidRequest,
      message,
      data: { code },
    },
    id: null,
  }),
};
