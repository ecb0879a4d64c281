import { addOutputs, readGraph } from "../graph/onnx_proto.ts";
import type { Engine, EngineSession, SessionSpec, Tensors } from "./engine.ts";

/** What a run of a session computed on its way. */
export interface Observation {
  /** What computed it, such as `"UNet2DModel.forward"`; sessions of several models may have one name. */
  readonly session: string;
  /** Counts the sessions of the engine, from 0 in the order in which they were made. */
  readonly number: number;
  /**
   * The value that each node gave, by the node's name: the path of its module in the checkpoint, a slash and
   * its operator, such as `"mid_block.attentions.0.to_q/MatMul"`; in the order of the graph.
   */
  readonly values: ReadonlyMap<string, Tensors[string]>;
}

/**
 * An engine that shows what graphs compute on their way, to find where a model goes wrong. Every value that is
 * observed is an output of the graph and in memory at once, so give it small inputs.
 *
 * @param engine Where the sessions run.
 * @param observe Called after each run.
 * @param isWanted Which nodes are observed, by their names. Defaults to all that belong to a module.
 *
 * @example
 * ```ts ignore
 * import { inlineEngine, observingEngine } from "@denoise/onnx";
 * import { UNet2DModel } from "@denoise/denoise";
 *
 * const engine = observingEngine(inlineEngine(), ({ values }) => {
 *   for (const [name, tensor] of values) console.log(name, tensor.dims);
 * });
 * const unet = await UNet2DModel.fromPretrained("./unet", { engine });
 * ```
 */
export function observingEngine(
  engine: Engine,
  observe: (observation: Observation) => void,
  isWanted: (node: string) => boolean = (node) => node.includes("/"),
): Engine {
  let count = 0;
  return {
    async createSession(spec: SessionSpec): Promise<EngineSession> {
      const number = count++;
      const graph = readGraph(spec.model);
      const nodes = graph.nodes.filter(({ name, outputs: [value] }) =>
        isWanted(name) && !graph.outputs.includes(value!)
      );
      const model = addOutputs(spec.model, nodes.map(({ outputs: [value] }) => value!));
      const session = await engine.createSession({ ...spec, model });
      return {
        async run(inputs, { outputs = graph.outputs, signal } = {}): Promise<Tensors> {
          const results = await session.run(inputs, { signal });
          const values = nodes.map(({ name, outputs: [value] }) =>
            [name, results[value!]!] as const
          );
          observe({ session: spec.name, number, values: new Map(values) });
          return Object.fromEntries(outputs.map((name) => [name, results[name]!]));
        },
        release: () => session.release(),
      };
    },
    close: () => engine.close(),
  };
}
