import * as vega from "vega";
import { compile } from "vega-lite";
import type { SchedulerFacts } from "./facts.ts";

/** An SVG of the noise level at every model call, a small plot for each scheduler. */
export async function plotLevels(facts: readonly SchedulerFacts[]): Promise<string> {
  const values = facts.flatMap(({ className, levels }) =>
    levels.map((level, i) => ({
      scheduler: className.replace(/Scheduler$/, ""),
      run: i / Math.max(1, levels.length - 1),
      level,
    }))
  );
  const { spec } = compile({
    data: { values },
    background: "white",
    facet: { field: "scheduler", type: "nominal", title: null },
    columns: 5,
    spec: {
      width: 170,
      height: 110,
      mark: { type: "line", point: { size: 12 }, strokeWidth: 1 },
      encoding: {
        x: { field: "run", type: "quantitative", title: "share of the run" },
        y: {
          field: "level",
          type: "quantitative",
          scale: { type: "log" },
          title: "noise / signal",
        },
      },
    },
  });
  const view = new vega.View(vega.parse(spec), { renderer: "none" });
  return await view.toSVG();
}
