/** A program that ended. */
export interface Ran {
  /** Whether it ended with 0. */
  readonly success: boolean;
  /** What it said, on both outputs. */
  readonly output: string;
}

/** Runs a program in a folder, for so many milliseconds at most. */
export async function runProgram(
  program: string,
  args: readonly string[],
  cwd: string,
  ms: number,
): Promise<Ran> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "null",
    env: { NO_COLOR: "1", PYTHONWARNINGS: "ignore" },
    signal: AbortSignal.timeout(ms),
  }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Whether a program is there, and tells its version. */
export async function hasProgram(name: string): Promise<boolean> {
  return await new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" })
    .output().then(({ success }) => success, () => false);
}
