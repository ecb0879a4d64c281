import type { EngineSession } from "./engine/engine.ts";
import type { GraphPart } from "./graph/mod.ts";

/** What a session computes of a graph. */
export interface SessionKey {
  /** The graph. */
  readonly graph: string;
  /** Inputs that are given. */
  readonly inputs: readonly string[];
  /** Outputs that it has. Defaults to all. */
  readonly outputs?: readonly string[] | undefined;
  /** A part of a graph that a step cache has cut, and which one it is. */
  readonly part?: { readonly index: number; readonly graph: GraphPart } | undefined;
}

/** What tells the sessions of a model apart: a graph, the inputs that are given and the outputs. */
export function sessionName(
  graph: string,
  inputs: readonly string[],
  outputs: readonly string[] = [],
): string {
  return [graph, ...inputs.toSorted(), "->", ...outputs.toSorted()].join(" ");
}

/** The sessions of a model, each made when it is first asked for. */
export class ModelSessions {
  readonly #open: (key: SessionKey) => Promise<EngineSession>;
  readonly #sessions = new Map<string, Promise<EngineSession>>();

  /** `open` makes one. */
  constructor(open: (key: SessionKey) => Promise<EngineSession>) {
    this.#open = open;
  }

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  /** The session for these inputs and outputs; one that could not be made is tried again the next time. */
  get(key: SessionKey): Promise<EngineSession> {
    const { graph, inputs, outputs, part } = key;
    const name = `${part?.index ?? ""} ${sessionName(graph, inputs, outputs)}`;
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const session = this.#open(key);
    this.#sessions.set(name, session);
    session.catch(() => {
      if (this.#sessions.get(name) === session) this.#sessions.delete(name);
    });
    return session;
  }

  /** Gives the memory of all of them back, when their runs have ended. */
  async release(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    const made = await Promise.allSettled(sessions);
    await Promise.all(made.map((session) => "value" in session && session.value.release()));
  }
}
