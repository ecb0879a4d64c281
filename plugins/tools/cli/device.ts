import process from "node:process";
import { type Device, runtime } from "@denoise/core";
import { probeDevices } from "@denoise/onnx";

/** For `--device`: a GPU of NVIDIA where one works, else the CPU. */
export const AUTO = "auto";

/** The device that is meant. */
export async function deviceOf(asked: string): Promise<Device> {
  if (asked !== AUTO) return asked as Device;
  const [cuda] = await probeDevices(["cuda"]);
  return cuda?.available ? "cuda" : "cpu";
}

/**
 * Where models compute: on threads of their own where that is tried, so that Ctrl-C ends a step that takes
 * long; elsewhere in this one.
 */
export const ENGINE: "native" | undefined = runtime === "deno" && process.platform === "linux"
  ? "native"
  : undefined;
