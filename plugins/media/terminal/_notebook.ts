import type { ProgressStream } from "./progress_bar.ts";

interface Jupyter {
  display(
    bundle: Record<string, string>,
    options: { raw: true; display_id: string; update: boolean },
  ): Promise<void>;
}

/** `Deno.jupyter`, whose getter throws outside a notebook. */
function jupyter(): Jupyter | undefined {
  try {
    return (Deno as unknown as { readonly jupyter: Jupyter }).jupyter;
  } catch {
    return undefined;
  }
}

/**
 * A stream that shows one line under a notebook's cell and replaces it with the next, or
 * `undefined` outside a notebook.
 */
export function notebookStream(): ProgressStream | undefined {
  const shown = jupyter();
  if (shown === undefined) return undefined;
  const id = crypto.randomUUID();
  let isUpdate = false;
  return {
    isTTY: true,
    columns: 80,
    write(text: string): void {
      // deno-lint-ignore no-control-regex
      const line = text.replace(/\r|\n|\x1b\[K/g, "");
      if (line === "") return;
      void shown.display({ "text/plain": line }, { raw: true, display_id: id, update: isUpdate });
      isUpdate = true;
    },
  };
}
