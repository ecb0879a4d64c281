/**
 * A family of a third party: a model, a scheduler and two pipelines, for a package of its own. It draws
 * bars whose colours follow from the letters of a prompt.
 *
 * @module
 */
export { BarsMixin, countBars } from "./adapter.ts";
export { BarsModel } from "./model.ts";
export { BarsImg2ImgPipeline, BarsPipeline } from "./pipelines.ts";
export { HalvingScheduler } from "./scheduler.ts";
