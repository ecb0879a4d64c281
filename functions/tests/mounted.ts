/**
 * Somebody else's program: the app inside of another Hono app, on `Deno.serve`. Prints what one request
 * is answered and ends.
 *
 * @module
 */
import { Hono } from "hono";
import { registry } from "@denoise/denoise/registry";
import { createApp } from "../mod.ts";
import { FakeEngine } from "./fake_engine.ts";

const app = createApp({ engine: new FakeEngine(), registry });
const outer = new Hono();
outer.get("/", (c) => c.text("theirs"));
outer.mount("/images", app.fetch);

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, outer.fetch);
const at = `http://127.0.0.1:${server.addr.port}/images/v1/models/fake`;
console.log(await (await fetch(at)).text());
await server.shutdown();
