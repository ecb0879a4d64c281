/** torch's side of a measurement: a process that answers each line of JSON with one. */
export class TorchSide {
  /** What is known of the model when it is made. */
  made: Promise<unknown> | undefined;
  /** How long it took to compile it. */
  compiled: Promise<unknown> | undefined;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting: ((answer: unknown) => void)[] = [];
  readonly #ended: Promise<unknown>;

  /** Starts it; what it prints besides its answers goes to a log. */
  constructor(python: string, args: readonly string[], log: string) {
    this.#child = new Deno.Command("sh", {
      args: ["-c", 'log=$1; shift; exec "$@" 2>"$log"', "sh", log, python, ...args],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#ended = this.#listen(log);
  }

  /** The answer to an order; `{ error }` where the process has ended. */
  ask(order: object): Promise<unknown> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#writer.write(new TextEncoder().encode(JSON.stringify(order) + "\n"))
        .catch(() => {}); // #listen says why
    });
  }

  /** Ends it and waits, so that its memory on the card is free. */
  async close(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended already
    }
    await this.#ended;
  }

  async #listen(log: string): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith("{")) this.#waiting.shift()?.(JSON.parse(line));
      }
    }
    await this.#child.status;
    const why = (await Deno.readTextFile(log).catch(() => "")).trim().slice(-400);
    this.ask = () => Promise.resolve({ error: `torch's side has ended: ${why}` });
    for (const answer of this.#waiting.splice(0)) {
      answer({ error: `torch's side has ended: ${why}` });
    }
  }
}
