import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import fc from "fast-check";
import { join, resolve } from "node:path";
import { checkFileName, checkRepoId, checkRevision, isRepoId } from "./id.ts";
import { layoutOf } from "./layout.ts";

const HOSTILE = [
  "",
  "a\0b",
  "a\\b",
  "/etc/passwd",
  "../up",
  "a/../../b",
  "a/..",
  "C:/windows",
  "c:x",
  "a/D:b",
  "a//b",
  "./a",
  "a/.",
];

describe("checkRepoId()", () => {
  it("takes the ids that huggingface_hub takes", () => {
    for (const id of ["gpt2", "google/ddpm-cat-256", "123", "Foo-BAR_foo.bar123", "a_/_b"]) {
      assertEquals(checkRepoId(id), id);
    }
  });

  const bad: [string, string][] = [
    ["a/b/c", "it has more than one slash"],
    ["../b", 'it has a ".." part'],
    ["a/..", 'it has a ".." part'],
    ["a\0/b", "it has a NUL character"],
    ["a\\b", "it has a backslash"],
    ["C:/b", "it has a drive letter"],
    ["/a/b", "it is an absolute path"],
    ["", "it is empty"],
    ["a b/c", 'only letters, digits, "-", "_" and "." are allowed'],
    ["ünder/x", 'only letters, digits, "-", "_" and "." are allowed'],
    ["-a/b", 'a part starts or ends with "-" or "."'],
    ["a/b.", 'a part starts or ends with "-" or "."'],
    ["a--b/c", 'it has "--" or ".."'],
    ["a/b..c", 'it has "--" or ".."'],
    ["a/b.git", 'it ends with ".git"'],
    [`a/${"b".repeat(97)}`, "a part has more than 96 characters"],
  ];
  for (const [id, fault] of bad) {
    it(`refuses ${JSON.stringify(id).slice(0, 20)}: ${fault}`, () => {
      assertThrows(() => checkRepoId(id), TypeError, fault);
      assertEquals(isRepoId(id), false);
    });
  }

  it("makes no folder outside the cache for any id that it takes", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 40 }), (id) => {
      if (!isRepoId(id)) return;
      const { folder } = layoutOf("/cache", id);
      assert(folder.startsWith(join(resolve("/cache"), "models--")));
      assertEquals(folder.slice("/cache/".length).includes("/"), false);
    }));
  });
});

describe("checkRevision()", () => {
  it("takes branches, tags, commits and pull requests", () => {
    for (const revision of ["main", "v1.0", "fp16", "refs/pr/1", "0".repeat(40), "a-b_c+d"]) {
      assertEquals(checkRevision(revision), revision);
    }
  });

  for (const revision of [...HOSTILE, "a b", "x~1", "x^", "x:y", "-f", "x".repeat(256)]) {
    it(`refuses ${JSON.stringify(revision).slice(0, 20)}`, () => {
      assertThrows(() => checkRevision(revision), TypeError);
    });
  }
});

describe("checkFileName()", () => {
  for (const name of HOSTILE) {
    it(`refuses ${JSON.stringify(name)}`, () => {
      const error = assertThrows(() => checkFileName(name, "me/cat"), DenoiseError);
      assertEquals(error.code, "source_unavailable");
    });
  }

  it("keeps every name that it takes below the folder", () => {
    const part = fc.oneof(
      fc.constantFrom("..", ".", "", "C:", "\\", "\0", "unet", "..\\", "…", "a:b", "~", "%2e%2e"),
      fc.string({ unit: "binary", maxLength: 6 }),
    );
    const names = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
    fc.assert(
      fc.property(names, (name) => {
        try {
          checkFileName(name, "me/cat");
        } catch {
          return;
        }
        const base = resolve("/cache/models--me--cat/snapshots/x");
        const layout = layoutOf("/cache", "me/cat");
        assert(resolve(layout.pointer("x", name)).startsWith(base + "/"));
      }),
      { numRuns: 2000 },
    );
  });
});
