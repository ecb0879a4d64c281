import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { findings, withScripts } from "./audit.ts";

describe("check:audit", () => {
  it("finds the packages that run scripts", () => {
    const npm = {
      "@scarf/scarf@1.4.0": { scripts: true },
      "hono@4.0.0": {},
      "a@1.0.0_b@2.0.0": { scripts: true },
    };
    assertEquals(withScripts({ npm }), ["npm:@scarf/scarf", "npm:a"]);
  });

  it("fails for advisories, and not for a network that is missing", () => {
    assertEquals(findings(0, "No known vulnerabilities found"), false);
    assertEquals(findings(1, "...\nFound 2 vulnerabilities\nSeverity: 2 high"), true);
    assertEquals(findings(1, "error: error sending request for url"), undefined);
  });
});
