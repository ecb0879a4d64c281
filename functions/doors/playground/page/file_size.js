import { say } from "./message.js";

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Whether a file is larger than the server takes, which is said then; it is not read for that. */
export function isTooLarge({ size }, { image_bytes: most }) {
  if (size <= most) return false;
  say(
    `Cannot take this file: it has ${megabytes(size)}, and this server takes ${megabytes(most)} ` +
      "at most; make it smaller first",
  );
  return true;
}
