/**
 * Stand-in for `@std/testing/time`: a clock that moves when the test says so.
 *
 * @module
 */

interface Timer {
  id: number;
  at: number;
  every?: number;
  run: () => void;
}

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
};

/** Replaces `Date` and the timers until it is restored. */
export class FakeTime {
  #now: number;
  #start: number;
  #nextId = 1;
  #timers: Timer[] = [];

  /** Starts the clock at a time, now by default. */
  constructor(start?: number | string | Date | null) {
    if (globalThis.Date !== real.Date) throw new TypeError("Cannot fake time: it is faked already");
    this.#start = this.#now = start === undefined || start === null
      ? real.Date.now()
      : new real.Date(start).valueOf();
    this.#install();
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return this.#now;
  }

  /** Moves the clock forward and runs the timers on the way. */
  set now(value: number) {
    if (value < this.#now) throw new RangeError("Cannot set the time back");
    for (let timer = this.#due(value); timer; timer = this.#due(value)) {
      this.#now = Math.max(this.#now, timer.at);
      if (timer.every === undefined) this.#remove(timer.id);
      else timer.at = this.#now + timer.every;
      timer.run();
    }
    this.#now = value;
  }

  /** The time at which it started. */
  get start(): number {
    return this.#start;
  }

  /** Moves the clock by some milliseconds. */
  tick(ms = 0): void {
    this.now += ms;
  }

  /** The same, after and before pending promises have run. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.tick(ms);
    await this.runMicrotasks();
  }

  /** Runs the next timer; false where there is none. */
  next(): boolean {
    const timer = this.#due(Infinity);
    if (timer) this.now = Math.max(this.#now, timer.at);
    return timer !== undefined;
  }

  /** The same, after and before pending promises have run. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    const ran = this.next();
    await this.runMicrotasks();
    return ran;
  }

  /** Runs timers until none is left. */
  runAll(): void {
    while (this.next());
  }

  /** The same, with pending promises in between. */
  async runAllAsync(): Promise<void> {
    while (await this.nextAsync());
  }

  /** Lets pending promises run. */
  async runMicrotasks(): Promise<void> {
    await new Promise<void>((resolve) => real.setTimeout(resolve, 0));
  }

  /** Waits in fake time: resolves when the clock has moved that far. */
  delay(ms: number): Promise<void> {
    return new Promise((resolve) => void globalThis.setTimeout(resolve, ms));
  }

  /** Puts `Date` and the timers back. */
  restore(): void {
    Object.assign(globalThis, real);
    this.#timers = [];
  }

  /** Puts them back at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.restore();
  }

  #install(): void {
    const now = () => this.#now;
    globalThis.Date = new Proxy(real.Date, {
      construct: (target, args, newTarget) =>
        Reflect.construct(target, args.length ? args : [now()], newTarget),
      apply: (target) => new target(now()).toString(),
      get: (target, key) => key === "now" ? now : Reflect.get(target, key),
    });
    const add = (repeat: boolean) => (run: unknown, ms = 0, ...args: unknown[]) => {
      if (typeof run !== "function") throw new TypeError("A timer needs a function");
      const delay = Math.max(0, ms);
      const timer: Timer = { id: this.#nextId++, at: this.#now + delay, run: () => run(...args) };
      if (repeat) timer.every = Math.max(1, delay);
      this.#timers.push(timer);
      return timer.id;
    };
    const clear = (id?: number) => this.#remove(id);
    Object.assign(globalThis, {
      setTimeout: add(false),
      setInterval: add(true),
      clearTimeout: clear,
      clearInterval: clear,
    });
  }

  #due(until: number): Timer | undefined {
    const due = this.#timers.filter((timer) => timer.at <= until);
    return due.sort((a, b) => a.at - b.at || a.id - b.id)[0];
  }

  #remove(id: number | undefined): void {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  }
}
