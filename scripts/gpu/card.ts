async function ask(fields: string): Promise<string> {
  const { stdout } = await new Deno.Command("nvidia-smi", {
    args: [`--query-gpu=${fields}`, "--format=csv,noheader,nounits", "--id=0"],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** The memory that is in use on the card, by all programs, in GB; NaN where there is no card. */
export async function cardMemory(): Promise<number> {
  return Number((await ask("memory.used").catch(() => "")) || NaN) * 1.048576 / 1000;
}

/** The card's name, memory and driver; nothing where there is none. */
export async function cardName(): Promise<string | undefined> {
  return await ask("name,memory.total,driver_version").catch(() => undefined);
}
