/** A server that answers everything so, for the time of a test, which gets the address of a file there. */
export async function withServer(
  handle: () => Response,
  test: (address: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handle);
  try {
    await test(`http://127.0.0.1:${server.addr.port}/cat.png`);
  } finally {
    await server.shutdown();
  }
}
