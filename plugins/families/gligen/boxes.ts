/** Left, top, right and bottom of an object in the image, each 0..1: `[0.1, 0.2, 0.5, 0.7]`. */
export type GligenBox = readonly number[];

/** How many objects there may be. */
export const MOST_OBJECTS = 30;

/**
 * The boxes of a call, with what stands in them; those beyond the most that there may be are left out.
 *
 * @param lists What is said of the objects, by the names of the options; undefined where nothing is.
 * @throws {TypeError} for what are no boxes.
 * @throws {RangeError} for sides outside 0..1, for no box, and for lists of another length.
 */
export function objectsInBoxes<L extends Readonly<Record<string, readonly unknown[] | undefined>>>(
  boxes: readonly GligenBox[],
  lists: L,
  warn: (message: string) => void,
): { readonly boxes: readonly GligenBox[]; readonly lists: L } {
  checkBoxes(boxes);
  for (const [name, list] of Object.entries(lists)) {
    if (list === undefined || list.length === boxes.length) continue;
    throw new RangeError(
      `Cannot place ${list.length} ${name} in ${boxes.length} gligenBoxes: give one for each`,
    );
  }
  if (boxes.length > MOST_OBJECTS) {
    warn(
      `Of ${boxes.length} objects only the first ${MOST_OBJECTS} are placed: GLIGEN knows no more at once`,
    );
  }
  const first = Object.entries(lists).map(([name, list]) => [name, list?.slice(0, MOST_OBJECTS)]);
  return { boxes: boxes.slice(0, MOST_OBJECTS), lists: Object.fromEntries(first) as L };
}

function checkBoxes(boxes: readonly GligenBox[]): void {
  if (!Array.isArray(boxes)) {
    throw new TypeError(
      "Cannot place objects: gligenBoxes must be a list of [left, top, right, bottom]",
    );
  }
  if (boxes.length === 0) {
    throw new RangeError("Cannot place objects: gligenBoxes is empty; give at least one box");
  }
  for (const [i, box] of (boxes as readonly unknown[]).entries()) {
    const sides = Array.isArray(box) ? box as unknown[] : [];
    if (sides.length !== 4 || !sides.every((side) => typeof side === "number")) {
      throw new TypeError(
        `Cannot place an object at gligenBoxes[${i}] ${
          JSON.stringify(box)
        }: it must be [left, top, right, bottom]`,
      );
    }
    if (sides.every((side) => Number(side) >= 0 && Number(side) <= 1)) continue;
    throw new RangeError(
      `Cannot place an object at gligenBoxes[${i}] [${
        sides.join(", ")
      }]: its sides must be from 0 to 1, as ` +
        "parts of the image's width and height",
    );
  }
}
