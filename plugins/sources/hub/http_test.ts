import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checkRedirect, mayCarryToken, publicUrl } from "./http.ts";
import { askedDelay, backoff, isTransient } from "./retry.ts";
import { RemoteError } from "./remote_error.ts";

function redirected(from: string, location: string): string {
  const response = new Response(null, { status: 302, headers: { location } });
  return checkRedirect(new URL(from), response, "testing").href;
}

describe("checkRedirect()", () => {
  const followed: [string, string, string][] = [
    ["https://a.b/x", "https://c.d/y", "https://c.d/y"],
    ["https://a.b/x", "/y?z", "https://a.b/y?z"],
    ["http://localhost:1/x", "http://localhost:2/y", "http://localhost:2/y"],
    ["http://localhost:1/x", "https://a.b/y", "https://a.b/y"],
  ];
  for (const [from, location, to] of followed) {
    it(`follows ${location} from ${from}`, () => assertEquals(redirected(from, location), to));
  }

  for (const location of ["http://a.b/x", "file:///x", "data:,x", "blob:x", "ftp://a", "http://"]) {
    it(`refuses ${location} from https`, () => {
      assertThrows(() => redirected("https://a.b/x", location), RemoteError, "Refused a redirect");
    });
  }

  it("does not show the path or query it refuses", () => {
    const error = assertThrows(() => redirected("https://a.b/x", "http://c.d/secret?key=1"));
    assertEquals((error as Error).message.includes("secret"), false);
  });
});

describe("mayCarryToken()", () => {
  const cases: [string, string, boolean][] = [
    ["https://huggingface.co/x", "https://huggingface.co", true],
    ["https://huggingface.co:8443/x", "https://huggingface.co", false],
    ["https://cdn.huggingface.co/x", "https://huggingface.co", false],
    ["https://huggingface.co.evil.com/x", "https://huggingface.co", false],
    ["http://huggingface.co/x", "http://huggingface.co", false],
    ["http://127.0.0.1:5000/x", "http://127.0.0.1:5000", true],
    ["http://[::1]:5000/x", "http://[::1]:5000", true],
    ["http://localhost:5000/x", "http://127.0.0.1:5000", false],
  ];
  for (const [url, origin, may] of cases) {
    it(`${may ? "allows" : "forbids"} ${url} for ${origin}`, () => {
      assertEquals(mayCarryToken(new URL(url), { origin }), may);
    });
  }
});

describe("publicUrl()", () => {
  it("leaves query and user out", () => {
    assertEquals(publicUrl(new URL("https://u:p@a.b/c?sig=1#x")), "https://a.b/c");
  });
});

describe("askedDelay()", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const cases: [Record<string, string>, number | undefined][] = [
    [{}, undefined],
    [{ "retry-after": "7" }, 7000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after": "Thu, 01 Jan 2026 00:01:00 GMT" }, 60_000],
    [{ "retry-after": "Thu, 01 Jan 2025 00:00:00 GMT" }, 0],
    [{ "retry-after": "soon" }, undefined],
    [{ ratelimit: '"api";r=0;t=55' }, 55_000],
    [{ ratelimit: '"api";r=10;t=55' }, undefined],
  ];
  for (const [headers, delay] of cases) {
    it(`reads ${JSON.stringify(headers)} as ${delay} ms`, () => {
      assertEquals(askedDelay(new Headers(headers), now), delay);
    });
  }
});

describe("backoff()", () => {
  it("doubles up to the longest, with a quarter of jitter", () => {
    const policy = { retries: 9, firstDelay: 100, longestDelay: 1000 };
    for (const [attempt, least] of [[0, 100], [1, 200], [2, 400], [9, 1000]] as const) {
      const delay = backoff(attempt, policy);
      assertEquals(delay >= least && delay <= 1.25 * least, true);
    }
  });
});

describe("isTransient()", () => {
  it("is true for what may pass", () => {
    assertEquals([408, 429, 500, 502, 503, 504].map(isTransient), Array(6).fill(true));
    assertEquals([200, 302, 400, 401, 403, 404, 416, 501].map(isTransient), Array(8).fill(false));
  });
});
