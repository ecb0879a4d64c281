import process from "node:process";
import { isPermitted, runtime } from "@denoise/core";

/**
 * Gives the system back what native code has freed. glibc keeps freed blocks under 32 MB for later
 * use; after a session of a float16 UNet of Stable Diffusion that is 1.2 GB.
 *
 * It needs the permission to call native code, and does nothing without it with another C library, or elsewhere than in Deno.
 */
export function trimMemory(): void {
  if (runtime !== "deno" || process.platform !== "linux" || !isPermitted("ffi")) return;
  try {
    const libc = Deno.dlopen("libc.so.6", {
      malloc_trim: { parameters: ["usize"], result: "i32" },
    });
    libc.symbols.malloc_trim(0n);
    libc.close();
  } catch {
    return; // musl has no malloc_trim, and no such library
  }
}
