/** What a new package and the things in it are called. */
export interface Names {
  /** The package, such as `"@you/scheduler-cosine-euler"`. */
  readonly packageName: string;
  /** The class, such as `"CosineEulerScheduler"`. */
  readonly className: string;
  /** The type of its options, such as `"CosineEulerConfig"`. */
  readonly configName: string;
}

/**
 * The names that follow from a package's: `@you/scheduler-cosine-euler` holds
 * `CosineEulerScheduler`.
 *
 * @throws {SyntaxError} for a name that JSR does not take.
 */
export function namesOf(packageName: string): Names {
  const [_, scope, name] = packageName.match(/^@([a-z0-9-]{2,20})\/([a-z][a-z0-9-]{1,57})$/) ?? [];
  if (scope === undefined || name === undefined) {
    throw new SyntaxError(
      `Cannot name a package ${JSON.stringify(packageName)}: JSR takes "@scope/name" of small ` +
        `letters, digits and hyphens, such as "@you/scheduler-cosine-euler"`,
    );
  }
  const words = name.split("-").filter((word) => word !== "" && word !== "scheduler");
  const stem = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
  if (!/^[A-Z]/.test(stem)) {
    throw new SyntaxError(
      `Cannot name a scheduler after ${
        JSON.stringify(packageName)
      }: beside "scheduler" there must ` +
        `be a word that begins with a letter`,
    );
  }
  return { packageName, className: `${stem}Scheduler`, configName: `${stem}Config` };
}
