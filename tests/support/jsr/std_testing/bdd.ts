/**
 * Stand-in for `@std/testing/bdd`: nested suites on `Deno.test`. A top-level suite is one test,
 * what is in it are its steps.
 *
 * @module
 */

type Hook = () => unknown;
type Body = (t: Deno.TestContext) => unknown;
type Options = Omit<Deno.TestDefinition, "fn" | "name">;

interface Case extends Options {
  name: string;
  fn: Body;
}

interface Suite extends Options {
  name: string;
  children: (Suite | Case)[];
  beforeAll: Hook[];
  afterAll: Hook[];
  beforeEach: Hook[];
  afterEach: Hook[];
}

/** How a suite is given: by name, by options, by function, in the orders that bdd allows. */
export type DescribeArgs =
  | [name: string, fn?: () => void]
  | [name: string, options: Options, fn: () => void]
  | [options: Options & { name: string; fn?: () => void }]
  | [options: Options & { name: string }, fn: () => void]
  | [fn: () => void];

/** How a case is given. */
export type ItArgs =
  | [name: string, fn: Body]
  | [name: string, options: Options, fn: Body]
  | [options: Options & { name: string; fn: Body }]
  | [options: Options & { name: string }, fn: Body]
  | [fn: Body];

/** `describe` with its variants. */
export interface Describe {
  /** Registers a suite. */
  (...args: DescribeArgs): void;
  /** Registers a suite and skips all others. */
  only(...args: DescribeArgs): void;
  /** Registers a suite that does not run. */
  ignore(...args: DescribeArgs): void;
  /** The same as `ignore`. */
  skip(...args: DescribeArgs): void;
}

/** `it` with its variants. */
export interface It {
  /** Registers a case. */
  (...args: ItArgs): void;
  /** Registers a case and skips all others. */
  only(...args: ItArgs): void;
  /** Registers a case that does not run. */
  ignore(...args: ItArgs): void;
  /** The same as `ignore`. */
  skip(...args: ItArgs): void;
}

let current: Suite | undefined;
const global: Pick<Suite, "beforeEach" | "afterEach" | "beforeAll" | "afterAll"> = {
  beforeEach: [],
  afterEach: [],
  beforeAll: [],
  afterAll: [],
};

/** Registers a suite; what its function registers belongs to it. */
export const describe: Describe = Object.assign(
  (...args: DescribeArgs) => addSuite(args, {}),
  {
    only: (...args: DescribeArgs) => addSuite(args, { only: true }),
    ignore: (...args: DescribeArgs) => addSuite(args, { ignore: true }),
    skip: (...args: DescribeArgs) => addSuite(args, { ignore: true }),
  },
);

/** Registers a case. */
export const it: It = Object.assign(
  (...args: ItArgs) => addCase(args, {}),
  {
    only: (...args: ItArgs) => addCase(args, { only: true }),
    ignore: (...args: ItArgs) => addCase(args, { ignore: true }),
    skip: (...args: ItArgs) => addCase(args, { ignore: true }),
  },
);

/** The same as `it`. */
export const test: It = it;

/** Runs once before the cases of the suite. */
export function beforeAll(fn: Hook): void {
  (current ?? global).beforeAll.push(fn);
}

/** Runs once after the cases of the suite, failed or not. */
export function afterAll(fn: Hook): void {
  (current ?? global).afterAll.push(fn);
}

/** Runs before each case of the suite and of the suites in it. */
export function beforeEach(fn: Hook): void {
  (current ?? global).beforeEach.push(fn);
}

/** Runs after each case of the suite and of the suites in it, failed or not. */
export function afterEach(fn: Hook): void {
  (current ?? global).afterEach.push(fn);
}

/** The same as `beforeAll`. */
export const before: typeof beforeAll = beforeAll;

/** The same as `afterAll`. */
export const after: typeof afterAll = afterAll;

function addSuite(args: DescribeArgs, extra: Options): void {
  const { fn, ...options } = parse<() => void>(args);
  const suite: Suite = {
    ...options,
    ...extra,
    children: [],
    beforeAll: [],
    afterAll: [],
    beforeEach: [],
    afterEach: [],
  };
  const parent = current;
  current = suite;
  try {
    fn?.();
  } finally {
    current = parent;
  }
  register(suite);
}

function addCase(args: ItArgs, extra: Options): void {
  const { fn, ...options } = parse<Body>(args);
  if (!fn) throw new TypeError(`Cannot register "${options.name}": it has no function`);
  register({ ...options, ...extra, fn });
}

function parse<F extends (...args: never[]) => unknown>(
  args: unknown[],
): Options & { name: string; fn?: F } {
  const parsed: Options & { name: string; fn?: F } = { name: "" };
  for (const arg of args) {
    if (typeof arg === "string") parsed.name = arg;
    else if (typeof arg === "function") parsed.fn = arg as F;
    else Object.assign(parsed, arg);
  }
  parsed.name ||= parsed.fn?.name ?? "";
  return parsed;
}

function register(entry: Suite | Case): void {
  if (current) {
    current.children.push(entry);
    return;
  }
  const { name, ignore, permissions, sanitizeExit, sanitizeOps, sanitizeResources } = entry;
  const given = { ignore, permissions, sanitizeExit, sanitizeOps, sanitizeResources };
  const options = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  Deno.test({ ...options, name, only: hasOnly(entry), fn: (t) => runTop(entry, t) });
}

async function runTop(entry: Suite | Case, t: Deno.TestContext): Promise<void> {
  const root = { ...global, name: "", children: [entry] };
  await runHooked(
    root,
    () => isSuite(entry) ? runSuite(entry, t, [root]) : runCase(entry, t, [root]),
  );
}

async function runSuite(suite: Suite, t: Deno.TestContext, outer: Suite[]): Promise<void> {
  const path = [...outer, suite];
  const only = suite.children.some(hasOnly);
  await runHooked(suite, async () => {
    for (const child of suite.children) {
      await t.step({
        name: child.name,
        ignore: child.ignore === true || (only && !hasOnly(child)),
        ...(child.sanitizeExit !== undefined && { sanitizeExit: child.sanitizeExit }),
        ...(child.sanitizeOps !== undefined && { sanitizeOps: child.sanitizeOps }),
        ...(child.sanitizeResources !== undefined &&
          { sanitizeResources: child.sanitizeResources }),
        fn: (step) => isSuite(child) ? runSuite(child, step, path) : runCase(child, step, path),
      });
    }
  });
}

async function runCase(entry: Case, t: Deno.TestContext, path: Suite[]): Promise<void> {
  for (const suite of path) await runAll(suite.beforeEach);
  try {
    await entry.fn(t);
  } finally {
    for (const suite of path.toReversed()) await runAll(suite.afterEach);
  }
}

async function runHooked(suite: Suite, body: () => Promise<void>): Promise<void> {
  await runAll(suite.beforeAll);
  try {
    await body();
  } finally {
    await runAll(suite.afterAll);
  }
}

async function runAll(hooks: Hook[]): Promise<void> {
  for (const hook of hooks) await hook();
}

function isSuite(entry: Suite | Case): entry is Suite {
  return "children" in entry;
}

function hasOnly(entry: Suite | Case): boolean {
  return entry.only === true || (isSuite(entry) && entry.children.some(hasOnly));
}
