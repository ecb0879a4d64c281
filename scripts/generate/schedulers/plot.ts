import * as vega from "vega";
import { compile } from "vega-lite";
import type { SchedulerFacts } from "./facts.ts";

/** Noise levels that are written beside the plots. */
const LABELLED = [0.001, 0.01, 0.1, 1, 10, 100, 1000, 1e4, 1e5];

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
          axis: { values: LABELLED },
          title: "noise / signal",
        },
      },
    },
  });
  const view = new vega.View(vega.parse(spec), { renderer: "none" });
  return slim(await view.toSVG());
}

/** A picture's markup without what does not change how it looks as an image, a fifth as long. */
function slim(svg: string): string {
  return svg
    .replaceAll(/ (?:aria-[a-z]+|role|class|pointer-events)="[^"]*"/g, "")
    .replaceAll(/ (?:opacity|stroke-width)="1"/g, "") // as they are where nothing is said
    .replaceAll(/<path d="M0,0h\d*v\d*h-?\d*Z"\/>/g, "") // invisible backgrounds
    .replaceAll(
      /-?\d+\.\d{2,}(?=[^"<>]*")/g,
      (number) => String(Number(Number(number).toFixed(1))),
    );
}
