import { makesAudio } from "./audio.js";
import { checked, showChecks } from "./checks.js";
import { $ } from "./dom.js";
import { given } from "./given.js";
import { modelName, schedulerName } from "./names.js";

/** Shows what can be compared: all models that make the same, and the schedulers of the one that is chosen. */
export function showCompared(all, model) {
  const models = all.filter((other) => makesAudio(other) === makesAudio(model));
  const { schedulers } = model;
  $("compare-models").hidden = models.length < 2;
  const ids = models.length < 2 ? [] : models.map(({ id }) => id);
  showChecks($("compare-models"), ids.map((value) => ({ value, text: modelName(value) })));
  showChecks(
    $("compare-schedulers"),
    schedulers.map((value) => ({ value, text: schedulerName(value) })),
  );
}

/** Compares nothing. */
export function compareNothing() {
  for (const box of $("compare").querySelectorAll("input")) box.checked = false;
}

/**
 * The requests to make: one, or one for each model and scheduler that is compared, with a label that says
 * how they differ.
 */
export function requestsOf(fields) {
  const models = checked($("compare-models"));
  const schedulers = checked($("compare-schedulers"));
  const requests = [];
  for (const model of models.length === 0 ? [fields.model] : models) {
    for (const scheduler of schedulers.length === 0 ? [fields.scheduler] : schedulers) {
      const label = [
        ...models.length > 1 ? [modelName(model)] : [],
        ...schedulers.length > 1 ? [schedulerName(scheduler)] : [],
      ].join(" · ");
      requests.push({ label, fields: given({ ...fields, model, scheduler }) });
    }
  }
  return requests;
}
