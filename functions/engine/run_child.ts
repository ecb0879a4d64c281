import type { Registry } from "@denoise/core";
import { ServeError, toFailure } from "../contract/errors.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { ServingEngine } from "./engine.ts";
import { connectToParent } from "@denoise/process";
import { inlineServingEngine } from "./inline.ts";
import type { FromChild, ToChild } from "./protocol.ts";

/**
 * The inside of the process of {@linkcode childServingEngine}: holds the models and runs jobs, taken from
 * standard input, with events on standard output, until the input ends. For a module of one's own that
 * brings its own plugins; its address is the engine's option `entry`.
 *
 * @param registry The plugins.
 */
export async function runChild(registry: Registry): Promise<void> {
  const parent = connectToParent();
  const running = new Map<number, AbortController>();
  let engine: ServingEngine | undefined;

  const tell = (message: FromChild) => parent.send(message);

  async function load({ models, options }: ToChild & { op: "load" }): Promise<void> {
    const specs = models.map(({ id, path }) => ({ id, location: path }));
    const commits = new Map(models.map(({ id, commit }) => [id, commit]));
    const withCommits = (infos: readonly ModelInfo[]) =>
      infos.map((info) => ({ ...info, commit: commits.get(info.id) }));
    const onModels = (infos: readonly ModelInfo[]) =>
      tell({ op: "models", models: withCommits(infos), freeBytes: engine?.freeBytes });
    engine = inlineServingEngine({ ...options, models: specs, registry, onModels });
    await engine.ready();
    if (engine.state.phase !== "ready") return;
    const { models: infos, broken = [], timing } = engine.state;
    const { freeBytes } = engine;
    tell({ op: "ready", models: withCommits(infos), broken, timing, freeBytes });
  }

  async function run({ id, job }: ToChild & { op: "run" }): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      for await (const event of engine!.run(job, controller.signal)) {
        tell({ op: "event", id, event });
      }
      tell({ op: "end", id, freeBytes: engine!.freeBytes });
    } catch (error) {
      if (error instanceof ServeError && ["internal", "out_of_memory"].includes(error.code)) {
        console.error(error.cause);
      }
      if (error instanceof ServeError && error.code === "engine_lost") {
        console.error(error.message);
        Deno.exit(1); // a card is lost to this process, and not to the next
      }
      tell({ op: "end", id, failure: toFailure(error), freeBytes: engine!.freeBytes });
    } finally {
      running.delete(id);
    }
  }

  for await (const frame of parent.messages) {
    const message = frame as ToChild;
    if (message.op === "run") run(message);
    else if (message.op === "ping") tell({ op: "pong", freeBytes: engine?.freeBytes });
    else if (message.op === "cancel") running.get(message.id)?.abort();
    else {
      load(message).catch((error) => {
        const cause = error instanceof ServeError ? error.cause : error;
        tell({
          op: "unable",
          message: String(cause instanceof Error ? cause.message : cause),
        });
      });
    }
  }
  Deno.exit();
}
