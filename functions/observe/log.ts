import { getLogger, type Logger } from "@logtape/logtape";

/** What the server says; silent until a program configures LogTape. Keys and prompts are not in it. */
export const log: Logger = getLogger(["denoise", "functions"]);
