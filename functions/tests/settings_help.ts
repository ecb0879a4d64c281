import { SETTINGS } from "../settings_table.ts";

/** The settings as the table of README.md. */
export function settingsTable(): string {
  const rows = SETTINGS.map(({ name, standard, doc }) => `| \`${name}\` | ${standard} | ${doc} |`);
  return ["| variable | unless set | what it is |", "|---|---|---|", ...rows].join("\n");
}
