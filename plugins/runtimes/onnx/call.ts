import type { PipelineCall } from "@denoise/core";
import type { Resident } from "./memory.ts";

const members = new WeakMap<PipelineCall, Set<Resident>>();

/** The offloaded models that take part in a call, which are released when it ends. */
export function membersOf(call: PipelineCall): Set<Resident> {
  const known = members.get(call);
  if (known !== undefined) return known;
  const found = new Set<Resident>();
  members.set(call, found);
  call.ending.push(async () => {
    for (const model of found) await model.release();
  });
  return found;
}

/** An object as it is, but with some methods of its own. */
export function viewOf<M extends object>(object: M, own: object): M {
  return new Proxy(object, {
    get(target, key) {
      if (Object.hasOwn(own, key)) return Reflect.get(own, key);
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
