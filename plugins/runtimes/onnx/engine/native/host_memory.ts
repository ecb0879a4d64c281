import type { Tensor } from "@denoise/core";
import { dataType } from "../../graph/onnx_proto.ts";
import type { Tensors } from "../engine.ts";
import { cString, type Handle, type Ort, stored } from "./api.ts";
import { Owned } from "./owned.ts";
import type { Call, Memory, Session } from "./session.ts";
import { byteLength, bytesAt, bytesFor, infoOf, type PortInfo, tensorOf } from "./values.ts";

/** Inputs and outputs in memory of the CPU: onnxruntime copies them where a device needs them. */
export class HostMemory implements Memory {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async run({ inputs, outputs, execute }: Call): Promise<Tensors> {
    const { ort, session, allocator, cpu, inputs: ports } = this.#session;
    using owned = new Owned(ort);
    const binding = owned.keep("IoBinding", (place) => ort.call.CreateIoBinding(session, place));
    for (const [name, tensor] of inputs) {
      const value = hostValue(ort, allocator, ports.get(name)!, tensor, owned);
      ort.call.BindInput(binding, cString(name), value);
    }
    for (const name of outputs) ort.call.BindOutputToDevice(binding, cString(name), cpu);
    await execute(binding);
    const values = boundOutputs(ort, binding, allocator, owned);
    return Object.fromEntries(
      values.map((value, index) => [outputs[index]!, readValue(ort, value)]),
    );
  }

  release(): void {}
}

/** A copy of a tensor in memory of onnxruntime's, so that callers may change theirs meanwhile. */
export function hostValue(
  ort: Ort,
  allocator: Handle,
  port: PortInfo,
  tensor: Tensor,
  owned: Owned,
): Handle {
  const bytes = bytesFor(port, tensor);
  const { dims } = tensor;
  const shape = BigInt64Array.from(dims, BigInt);
  const value = owned.keep(
    "Value",
    (place) =>
      ort.call.CreateTensorAsOrtValue(
        allocator,
        shape,
        BigInt(dims.length),
        dataType(port.dtype),
        place,
      ),
  );
  if (bytes.length > 0) {
    bytesAt(stored((place) => ort.call.GetTensorMutableData(value, place)), bytes.length).set(
      bytes,
    );
  }
  return value;
}

/** The outputs of a run, in the order in which they were bound. */
export function boundOutputs(
  ort: Ort,
  binding: Handle,
  allocator: Handle,
  owned: Owned,
): Handle[] {
  const place = new BigUint64Array(2); // the array's address, and its length
  ort.call.GetBoundOutputValues(binding, allocator, place.subarray(0, 1), place.subarray(1));
  const address = Deno.UnsafePointer.create(place[0]!);
  if (address === null) return [];
  const values = new Deno.UnsafePointerView(address);
  const handles = Array.from(
    { length: Number(place[1]) },
    (_, index) => owned.adopt("Value", values.getPointer(index * 8)!),
  );
  ort.call.AllocatorFree(allocator, address);
  return handles;
}

/** A copy of a value in memory of the CPU. */
export function readValue(ort: Ort, value: Handle): Tensor {
  const info = infoOf(ort, value);
  const length = byteLength(info);
  if (length === 0) return tensorOf(info, new Uint8Array());
  const address = stored((place) => ort.call.GetTensorMutableData(value, place));
  return tensorOf(info, bytesAt(address, length).slice());
}
