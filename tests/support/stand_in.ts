import { type Engine, inlineEngine } from "@denoise/onnx";

/** An engine that computes on the CPU what is meant for a device. */
export interface StandIn {
  readonly engine: Engine;
  /** The graphs that it was given, as text in which the names of nodes can be found. */
  readonly graphs: readonly string[];
}

/** An engine for graphs of devices that are not here, as far as the CPU has their operators. */
export function standIn(): StandIn {
  const engine = inlineEngine();
  const graphs: string[] = [];
  const createSession: Engine["createSession"] = (spec) => {
    if (spec.name !== "probe") graphs.push(new TextDecoder("latin1").decode(spec.model));
    return engine.createSession({ ...spec, device: "cpu" });
  };
  return { engine: { ...engine, createSession }, graphs };
}
