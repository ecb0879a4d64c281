/** What a {@linkcode Proxy} does with what passes it. */
export type ProxyMode =
  /** Everything passes. */
  | "open"
  /** Connections are closed, and none is taken. */
  | "cut"
  /** Connections stay, and swallow everything; new ones too. */
  | "stalled"
  /** Connections that are there swallow everything; new ones pass, as with a firewall that dropped them. */
  | "dropped";

/** A TCP proxy that tests break. */
export interface Proxy extends AsyncDisposable {
  /** Its port. */
  readonly port: number;
  /** What it does now. */
  set(mode: ProxyMode): void;
  /** Everything passes so many milliseconds later. */
  delay(ms: number): void;
  /** Keeps everything back until the function that is returned is called. */
  hold(): () => void;
  /** Closes the connections that there are. */
  kill(): void;
}

/** Starts a proxy before a port of this machine. */
export function startProxy(target: number): Proxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pairs = new Set<{ readonly ends: readonly Deno.Conn[]; isSwallowed: boolean }>();
  const state: { mode: ProxyMode } = { mode: "open" };
  let isOver = false;
  let delayMs = 0;
  let held = Promise.resolve();

  function close(ends: readonly Deno.Conn[]): void {
    for (const end of ends) {
      try {
        end.close();
      } catch {
        // it is closed already
      }
    }
  }

  async function pass(client: Deno.Conn): Promise<void> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: target }).catch(() => {});
    if (server === undefined || state.mode === "cut") return close([client]);
    const pair = { ends: [client, server], isSwallowed: state.mode === "stalled" };
    pairs.add(pair);
    async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
      const bytes = new Uint8Array(64 * 1024);
      for (;;) {
        const length = await from.read(bytes);
        if (length === null) return;
        const piece = bytes.slice(0, length);
        if (pair.isSwallowed) continue;
        await held;
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        for (let at = 0; at < piece.length;) at += await to.write(piece.subarray(at));
      }
    }
    await Promise.race([copy(client, server), copy(server, client)]).catch(() => {});
    close(pair.ends);
    pairs.delete(pair);
  }

  const accepting = (async () => {
    while (!isOver) {
      // a client that is gone before it is taken is none
      const client = await listener.accept().catch(() => undefined);
      if (client === undefined) continue;
      if (state.mode === "cut") close([client]);
      else pass(client);
    }
  })();

  return {
    port: listener.addr.port,
    set(next): void {
      state.mode = next;
      for (const pair of pairs) {
        if (next === "cut") close(pair.ends);
        else pair.isSwallowed ||= next !== "open";
      }
    },
    delay(ms): void {
      delayMs = ms;
    },
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    kill(): void {
      for (const { ends } of pairs) close(ends);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      isOver = true;
      listener.close();
      for (const { ends } of pairs) close(ends);
      await accepting;
    },
  };
}
