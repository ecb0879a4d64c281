/** What kernels of one name took in a call. */
export interface KernelTime {
  readonly kernel: string;
  readonly calls: number;
  readonly us: number;
}

/** Fields of a line of comma separated values, each in quotes. */
function fields(line: string): string[] {
  return [...line.matchAll(/"((?:[^"]|"")*)"/g)].map(([, field]) => field!);
}

/** Sums Nsight Compute's table of `gpu__time_duration.sum` by kernel, longest first. */
export function byKernel(table: string): { readonly us: number; readonly kernels: KernelTime[] } {
  const lines = table.split("\n").filter((line) => line.startsWith('"')).map(fields);
  const [head = [], ...rows] = lines;
  const [name, unit, value] = ["Kernel Name", "Metric Unit", "Metric Value"]
    .map((title) => head.indexOf(title));
  const micro: Record<string, number> = { ns: 1e-3, nsecond: 1e-3, us: 1, usecond: 1, ms: 1e3 };
  const sums = new Map<string, KernelTime>();
  for (const row of rows) {
    const kernel = row[name!]!.slice(0, 160);
    const us = Number(row[value!]!.replaceAll(",", "")) * (micro[row[unit!]!] ?? 1);
    const before = sums.get(kernel) ?? { kernel, calls: 0, us: 0 };
    sums.set(kernel, { kernel, calls: before.calls + 1, us: before.us + us });
  }
  const kernels = [...sums.values()].toSorted((a, b) => b.us - a.us)
    .map((one) => ({ ...one, us: Number(one.us.toFixed(1)) }));
  return { us: kernels.reduce((sum, { us }) => sum + us, 0), kernels: kernels.slice(0, 60) };
}
