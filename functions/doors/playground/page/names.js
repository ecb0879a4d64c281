/** A scheduler without the word that all of them end with. */
export const schedulerName = (id) => id.replace(/Scheduler$/, "");

/** A model without its owner. */
export const modelName = (id) => id.split("/").at(-1);
