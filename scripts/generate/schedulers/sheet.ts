import type { Image, Registry, SchedulerClass } from "@denoise/core";
import { DenoiseImage } from "@denoise/image";
import type { AnyPipeline } from "@denoise/loading";

/** An image and the scheduler that made it. */
export interface SheetEntry {
  readonly className: string;
  readonly image: Image;
}

/** One prompt and seed through every scheduler that takes over the pipeline's config. */
export async function drawWithAll(
  pipe: AnyPipeline,
  registry: Registry,
  prompt: string,
  options: object,
): Promise<{ entries: SheetEntry[]; left: Map<string, string> }> {
  const own = pipe.scheduler;
  const entries: SheetEntry[] = [];
  const left = new Map<string, string>();
  for (const className of registry.names("scheduler")) {
    const Class = await registry.get(className, "scheduler") as SchedulerClass;
    if (Class.className !== className) continue;
    if (className !== own.className && !own.compatibles.includes(className)) {
      left.set(className, `${own.className} does not list it as compatible`);
      continue;
    }
    try {
      pipe.scheduler = Class.fromConfig(own.config);
      const { images } = await pipe(prompt, options);
      entries.push({ className, image: images[0]! });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      left.set(className, error.message);
    }
  }
  pipe.scheduler = own;
  return { entries, left };
}

/** Size of an image on the sheet, and of the line with its name below, in units of the sheet. */
const [SIDE, LINE, GAP] = [150, 26, 10];

/** An SVG of the images, each with the name of its scheduler below. */
export async function labelledSheet(
  entries: readonly SheetEntry[],
  columns: number,
): Promise<string> {
  const [right, down] = [SIDE + GAP, SIDE + LINE + GAP];
  const cells = await Promise.all(entries.map(async ({ className, image }, i) => {
    const { width, height, channels, data } = image;
    const file = await new DenoiseImage(width, height, channels, data).encode("webp");
    const [x, y] = [GAP + right * (i % columns), GAP + down * Math.floor(i / columns)];
    const href = `data:image/webp;base64,${file.toBase64()}`;
    const name = className.replace(/Scheduler$/, "");
    return `<image x="${x}" y="${y}" width="${SIDE}" height="${SIDE}" href="${href}"/>
<text x="${x + SIDE / 2}" y="${y + SIDE + 17}">${name}</text>`;
  }));
  const rows = Math.ceil(entries.length / columns);
  const size = `${GAP + right * columns} ${GAP + down * rows}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size}">
<style>text { font: 11.5px system-ui, sans-serif; text-anchor: middle; fill: #1f1f26 }</style>
<rect width="100%" height="100%" fill="#fff"/>
${cells.join("\n")}
</svg>
`;
}
