import { getLogger, jsonLinesFormatter, type Logger, type LogRecord } from "@logtape/logtape";

/** What the server says; silent until a program configures LogTape. Keys and prompts are not in it. */
export const log: Logger = getLogger(["denoise", "functions"]);

/** A record as a line of JSON; control characters that JSON leaves as they are, and terminals obey, are escaped. */
export function jsonLines(record: LogRecord): string {
  return jsonLinesFormatter(record).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
