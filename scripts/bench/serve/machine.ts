/** Seconds that the cores have worked and idled since the start; Linux alone tells. */
async function coreSeconds(): Promise<{ busy: number; idle: number } | undefined> {
  const text = await Deno.readTextFile("/proc/stat").catch(() => undefined);
  const numbers = text?.match(/^cpu +(.*)$/m)?.[1]?.split(" ").map(Number);
  if (numbers === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0] = numbers;
  return { busy: user + nice + system + irq + softirq, idle: idle + iowait };
}

/** The share of the cores that is taken now, measured for a second; NaN where nobody tells. */
export async function busyShare(): Promise<number> {
  const before = await coreSeconds();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const after = await coreSeconds();
  if (before === undefined || after === undefined) return NaN;
  const busy = after.busy - before.busy;
  return busy / (busy + after.idle - before.idle);
}

/** Waits until little else runs on this machine, at most so long; resolves to what still does. */
export async function quiet(maxMs: number): Promise<number> {
  for (const end = Date.now() + maxMs;;) {
    const share = await busyShare();
    if (!(share > 0.05) || Date.now() > end) return share;
  }
}

/** Resident memory of a process and of those that it started, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const own = Number(status.match(/^VmRSS:\s+(\d+) kB$/m)?.[1] ?? NaN) * 1024;
  const tasks = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  const children = tasks.trim().split(" ").filter(Boolean).map(Number);
  const rest = await Promise.all(children.map(residentBytes));
  return rest.reduce((sum, bytes) => sum + bytes, own);
}
