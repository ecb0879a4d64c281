import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import golden from "./testdata/canvases.json" with { type: "json" };
import { referenceCanvas } from "./references.ts";

it("referenceCanvas() gives the sizes of diffusers' image processor", () => {
  for (const row of golden.canvases) {
    const [width, height, canvasWidth, canvasHeight, left, top, right, bottom] = row as [
      ...[number, number, number, number, number, number, number, number],
    ];
    const { image, canvas } = referenceCanvas({ width, height });
    assertEquals(canvas, { height: canvasHeight, width: canvasWidth }, `${width}x${height}`);
    assertEquals(image, { height: bottom - top, width: right - left }, `${width}x${height}`);
  }
});
