/** What a package can be made for. */
export type Kind = "scheduler" | "pipeline" | "model";

/** The kinds, in the order of the guides. */
export const KINDS: readonly Kind[] = ["scheduler", "pipeline", "model"];

/** What a new package and the things in it are called. */
export interface Names {
  /** The package, such as `"@you/scheduler-cosine-euler"`. */
  readonly packageName: string;
  /** What it holds. */
  readonly kind: Kind;
  /** The class, such as `"CosineEulerScheduler"`. */
  readonly className: string;
  /** What names of its types begin with, such as `"CosineEuler"`. */
  readonly stem: string;
}

/**
 * The names that follow from a package's: `@you/scheduler-cosine-euler` holds `CosineEulerScheduler`,
 * `@you/pipeline-blend` `BlendPipeline`, `@you/model-tiny` `TinyModel`.
 *
 * @param kind What it holds. Defaults to what the name says, else to a scheduler.
 * @throws {SyntaxError} for a name that JSR does not take.
 */
export function namesOf(packageName: string, kind?: Kind): Names {
  const [_, scope, name] = packageName.match(/^@([a-z0-9-]{2,20})\/([a-z][a-z0-9-]{1,57})$/) ?? [];
  if (scope === undefined || name === undefined) {
    throw new SyntaxError(
      `Cannot name a package ${JSON.stringify(packageName)}: JSR takes "@scope/name" of small ` +
        `letters, digits and hyphens, such as "@you/scheduler-cosine-euler"`,
    );
  }
  const parts = name.split("-").filter((word) => word !== "");
  const what = kind ?? KINDS.find((one) => parts.includes(one)) ?? "scheduler";
  const words = parts.filter((word) => word !== what);
  const stem = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
  if (!/^[A-Z]/.test(stem)) {
    throw new SyntaxError(
      `Cannot name a ${what} after ${
        JSON.stringify(packageName)
      }: beside "${what}" there must be ` +
        `a word that begins with a letter`,
    );
  }
  return { packageName, kind: what, className: stem + capital(what), stem };
}

function capital(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}
