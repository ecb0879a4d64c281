/** What the environment says about the Hub, under the names that Python's huggingface_hub reads. */

import process from "node:process";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { isDenied } from "./files.ts";

/** An environment variable; `undefined` too when reading it is not permitted. */
export function readEnv(name: string): string | undefined {
  try {
    return process.env[name] || undefined;
  } catch (error) {
    if (isDenied(error)) return undefined;
    throw error;
  }
}

function isTrue(name: string): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(readEnv(name)?.toUpperCase() ?? "");
}

function home(): string {
  const found = readEnv("HOME") ?? readEnv("USERPROFILE");
  if (found !== undefined) return found;
  try {
    return homedir();
  } catch {
    throw new TypeError(
      "Cannot find the cache: neither HF_HOME nor HOME can be read; pass { cacheDir }",
    );
  }
}

function expand(path: string): string {
  return path
    .replace(/^~(?=\/|$)/, () => home())
    .replace(/\$(\w+)|\$\{(\w+)\}/g, (whole, bare, braced) => readEnv(bare ?? braced) ?? whole);
}

function hfHome(): string {
  const given = readEnv("HF_HOME");
  if (given !== undefined) return expand(given);
  return expand(join(readEnv("XDG_CACHE_HOME") ?? join(home(), ".cache"), "huggingface"));
}

/** The folder of the cache: the one given, HF_HUB_CACHE, HF_HOME/hub or XDG_CACHE_HOME/huggingface/hub. */
export function cacheFolder(given: string | undefined): string {
  if (given !== undefined) return resolve(given.replace(/^~(?=\/|$)/, () => home()));
  const named = readEnv("HF_HUB_CACHE") ?? readEnv("HUGGINGFACE_HUB_CACHE");
  return resolve(named === undefined ? join(hfHome(), "hub") : expand(named));
}

/** The file that `hf auth login` writes the token into. */
export function tokenFile(): string {
  const named = readEnv("HF_TOKEN_PATH");
  return named === undefined ? join(hfHome(), "token") : expand(named);
}

/** Whether HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids every request. */
export function isOffline(): boolean {
  return readEnv("HF_HUB_OFFLINE") === undefined
    ? isTrue("TRANSFORMERS_OFFLINE")
    : isTrue("HF_HUB_OFFLINE");
}

/** Whether HF_HUB_DISABLE_SYMLINKS asks for files in place of symlinks. */
export function symlinksDisabled(): boolean {
  return isTrue("HF_HUB_DISABLE_SYMLINKS");
}

/** Whether a stored token is sent without being asked for. */
export function implicitTokenAllowed(): boolean {
  return !isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN");
}

/** Seconds of an environment variable as milliseconds. */
export function timeoutOf(name: string, fallback: number): number {
  const seconds = Number(readEnv(name));
  return seconds > 0 ? seconds * 1000 : fallback;
}
