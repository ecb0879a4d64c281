import { type DeferredData, Tensor, type TypedArray } from "@denoise/core";
import type { CudaDevice } from "./cuda.ts";
import { byteLength, tensorOf, type ValueInfo } from "./values.ts";

/** A value in memory of a card that belongs to a tensor. */
export class Resident implements DeferredData {
  readonly device: CudaDevice;
  readonly info: ValueInfo;
  readonly length: number;
  #address: Deno.PointerObject | undefined;

  /** A copy of a value on the card; {@linkcode CudaDevice.wait} before the value changes. */
  constructor(device: CudaDevice, info: ValueInfo, source: Deno.PointerObject) {
    this.device = device;
    this.info = info;
    this.length = byteLength(info);
    this.#address = device.borrow(this.length);
    device.copy(this.#address, source, this.length);
  }

  /** Where it lies; undefined once it was given back. */
  get address(): Deno.PointerObject | undefined {
    return this.#address;
  }

  read(): TypedArray {
    return tensorOf(this.info, this.device.download(this.#address!, this.length)).data;
  }

  release(): void {
    if (this.#address === undefined) return;
    this.device.giveBack(this.#address, this.length);
    this.#address = undefined;
  }
}

/** Where tensors lie. */
const residents = new WeakMap<Tensor, Resident>();

/** Gives memory back whose tensor was collected. */
const collected = new FinalizationRegistry((resident: Resident) => resident.release());

/** The tensor of a value that stays on the card until its elements are asked for. */
export function residentTensor(resident: Resident): Tensor {
  const { dtype, dims } = resident.info;
  const tensor = new Tensor(dtype === "bfloat16" ? "float32" : dtype, resident, dims);
  residents.set(tensor, resident);
  collected.register(tensor, resident);
  return tensor;
}

/** Where a tensor's elements lie on a card, as elements of that type. */
export function addressOf(
  tensor: Tensor,
  device: CudaDevice,
  dtype: ValueInfo["dtype"],
): Deno.PointerObject | undefined {
  const resident = residents.get(tensor);
  const fits = resident?.device === device && resident.info.dtype === dtype;
  return fits ? resident.address : undefined;
}
