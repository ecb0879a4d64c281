import { describe, it } from "@std/testing/bdd";
import { assertEquals, AssertionError, assertThrows } from "@std/assert";
import {
  assertSpyCall,
  assertSpyCallArgs,
  assertSpyCalls,
  returnsNext,
  spy,
  stub,
} from "@std/testing/mock";

class Counter {
  count = 0;
  add(by: number): number {
    return this.count += by;
  }
}

describe("spy()", () => {
  it("records the calls of a function", () => {
    const double = spy((value: number) => 2 * value);
    assertEquals([double(1), double(2)], [2, 4]);
    assertSpyCalls(double, 2);
    assertSpyCall(double, 1, { args: [2], returned: 4 });
    assertThrows(() => assertSpyCalls(double, 1), AssertionError);
    assertThrows(() => assertSpyCallArgs(double, 0, [2]), AssertionError);
  });

  it("records what was thrown", () => {
    const failing = spy(() => {
      throw new RangeError("no");
    });
    assertThrows(failing, RangeError);
    assertSpyCall(failing, 0, { error: { Class: RangeError, msgIncludes: "no" } });
  });

  it("calls the method that it watches", () => {
    const counter = new Counter();
    using add = spy(counter, "add");
    assertEquals(counter.add(3), 3);
    assertSpyCall(add, 0, { self: counter, args: [3], returned: 3 });
  });
});

describe("stub()", () => {
  it("takes the place of a method until the end of the block", () => {
    const counter = new Counter();
    {
      using add = stub(counter, "add", returnsNext([7, 8]));
      assertEquals([counter.add(1), counter.add(1)], [7, 8]);
      assertSpyCalls(add, 2);
    }
    assertEquals(counter.add(1), 1);
    assertEquals(Object.hasOwn(counter, "add"), false);
  });
});
