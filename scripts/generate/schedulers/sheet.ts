import type { Image, Registry, SchedulerClass } from "@denoise/core";
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
