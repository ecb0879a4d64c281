import type { Ort } from "./api.ts";
import { SharedLock } from "./shared_lock.ts";
import { CallingThread } from "./thread.ts";

/** `cudaMemcpyKind`. */
const TO_CARD = 1;
const FROM_CARD = 2;
const ON_CARD = 3;
/** `cudaStreamNonBlocking`: it does not wait for the default stream. */
const NON_BLOCKING = 1;
/** `cudaStreamCaptureModeRelaxed`: this thread may allocate while another captures a graph. */
const RELAXED = 2;
/** `cudaErrorMemoryAllocation`. */
const OUT_OF_MEMORY = 2;

/** Pieces of one size that wait for being borrowed again: residuals of a ControlNet have some each. */
const KEPT_SPARE = 16;

const SYMBOLS = {
  cudaSetDevice: { parameters: ["i32"], result: "i32" },
  cudaMalloc: { parameters: ["buffer", "usize"], result: "i32" },
  cudaFree: { parameters: ["pointer"], result: "i32" },
  cudaMemGetInfo: { parameters: ["buffer", "buffer"], result: "i32" },
  cudaStreamCreateWithFlags: { parameters: ["buffer", "u32"], result: "i32" },
  cudaStreamSynchronize: { parameters: ["pointer"], result: "i32" },
  cudaGetErrorString: { parameters: ["i32"], result: "pointer" },
  cudaThreadExchangeStreamCaptureMode: { parameters: ["buffer"], result: "i32", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** The same function for each pair of places that bytes are copied between. */
const COPIES = {
  upload: {
    name: "cudaMemcpyAsync",
    parameters: ["pointer", "buffer", "usize", "i32", "pointer"],
    result: "i32",
  },
  download: {
    name: "cudaMemcpyAsync",
    parameters: ["buffer", "pointer", "usize", "i32", "pointer"],
    result: "i32",
  },
  copy: {
    name: "cudaMemcpyAsync",
    parameters: ["pointer", "pointer", "usize", "i32", "pointer"],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

type Runtime = Deno.DynamicLibrary<typeof SYMBOLS & typeof COPIES>["symbols"];

/** A card of NVIDIA's: its memory, through CUDA's runtime library. */
export class CudaDevice {
  /** Its number. */
  readonly index: number;
  /** Runs its sessions. */
  readonly thread: CallingThread;
  readonly #cuda: Runtime;
  readonly #stream: Deno.PointerValue;
  /** Memory that was given back, by its size. */
  readonly #spare = new Map<number, Deno.PointerObject[]>();

  private constructor(cuda: Runtime, index: number, thread: CallingThread) {
    this.#cuda = cuda;
    this.thread = thread;
    this.index = index;
    this.#choose();
    cuda.cudaThreadExchangeStreamCaptureMode?.(Int32Array.of(RELAXED));
    const place = new BigUint64Array(1);
    this.#check(cuda.cudaStreamCreateWithFlags(place, NON_BLOCKING), "make a stream");
    this.#stream = Deno.UnsafePointer.create(place[0]!);
  }

  /**
   * The card of that number, for which a session was made already: CUDA's runtime library came with
   * the provider.
   *
   * @param library The path of onnxruntime's library, beside which the provider lies.
   */
  static of({ library, ort }: { library: string; ort: Ort }, index: number): CudaDevice {
    const key = `${index} ${library}`;
    const known = devices.get(key);
    if (known !== undefined) return known;
    const provider = `${library.replace(/[^/]*$/, "")}libonnxruntime_providers_cuda.so`;
    const { symbols } = Deno.dlopen(provider, { ...SYMBOLS, ...COPIES });
    const device = new CudaDevice(symbols, index, new CallingThread(ort));
    devices.set(key, device);
    return device;
  }

  /** Memory of so many bytes. */
  allocate(bytes: number): Deno.PointerObject {
    this.#choose();
    const place = new BigUint64Array(1);
    const size = BigInt(Math.max(bytes, 1));
    let status = this.#cuda.cudaMalloc(place, size);
    if (status === OUT_OF_MEMORY && this.#spare.size > 0) {
      this.#freeSpare();
      status = this.#cuda.cudaMalloc(place, size);
    }
    this.#check(status, `allocate ${bytes} bytes`);
    return Deno.UnsafePointer.create(place[0]!)!;
  }

  /** Gives memory back. */
  free(address: Deno.PointerObject): void {
    this.#choose();
    this.#check(this.#cuda.cudaFree(address), "free memory");
  }

  /** Memory of so many bytes for a while: as a rule such that was given back before. */
  borrow(bytes: number): Deno.PointerObject {
    return this.#spare.get(bytes)?.pop() ?? this.allocate(bytes);
  }

  /** Gives memory back that was borrowed. */
  giveBack(address: Deno.PointerObject, bytes: number): void {
    const spare = this.#spare.get(bytes) ?? [];
    this.#spare.set(bytes, spare);
    if (spare.length < KEPT_SPARE) spare.push(address);
    else this.free(address);
  }

  /** Frees what was given back and not borrowed again. */
  #freeSpare(): void {
    const addresses = [...this.#spare.values()].flat();
    this.#spare.clear();
    for (const address of addresses) this.free(address);
  }

  /** Copies bytes to the card; {@linkcode wait} before others use them. */
  upload(target: Deno.PointerObject, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#choose();
    const length = BigInt(bytes.length);
    const source = bytes as Uint8Array<ArrayBuffer>;
    const status = this.#cuda.upload(target, source, length, TO_CARD, this.#stream);
    this.#check(status, `copy ${length} bytes to the card`);
  }

  /** A copy of bytes on the card. */
  download(source: Deno.PointerObject, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    if (length === 0) return bytes;
    this.#choose();
    const size = BigInt(length);
    const status = this.#cuda.download(bytes, source, size, FROM_CARD, this.#stream);
    this.#check(status, `copy ${length} bytes from the card`);
    this.wait();
    return bytes;
  }

  /** Copies bytes from one place on the card to another; {@linkcode wait} before others use them. */
  copy(target: Deno.PointerObject, source: Deno.PointerObject, length: number): void {
    this.#choose();
    const size = BigInt(length);
    const status = this.#cuda.copy(target, source, size, ON_CARD, this.#stream);
    this.#check(status, `copy ${length} bytes on the card`);
  }

  /** Waits for the copies that were begun. */
  wait(): void {
    this.#check(this.#cuda.cudaStreamSynchronize(this.#stream), "wait for a copy");
  }

  /** Bytes of memory that are free, and that there are. */
  get memory(): { readonly free: number; readonly total: number } {
    this.#choose();
    const free = new BigUint64Array(1);
    const total = new BigUint64Array(1);
    this.#check(this.#cuda.cudaMemGetInfo(free, total), "ask for free memory");
    return { free: Number(free[0]), total: Number(total[0]) };
  }

  /** Which card functions mean is a matter of the thread that calls. */
  #choose(): void {
    this.#check(this.#cuda.cudaSetDevice(this.index), `use card ${this.index}`);
  }

  #check(status: number, doing: string): void {
    if (status === 0) return;
    const why = Deno.UnsafePointerView.getCString(this.#cuda.cudaGetErrorString(status)!);
    const room = status === OUT_OF_MEMORY ? `; ${this.#room()}` : "";
    throw new Error(`Cannot ${doing}: CUDA error ${status}: ${why}${room}`);
  }

  #room(): string {
    const free = new BigUint64Array(1);
    const total = new BigUint64Array(1);
    if (this.#cuda.cudaMemGetInfo(free, total) !== 0) return "";
    return `${free[0]} of ${total[0]} bytes are free`;
  }
}

/** Locks of cards by their numbers. */
const locks = new Map<number, SharedLock>();

/**
 * What is held by whatever works on a card: alone by the capture of a graph, as others must not
 * allocate meanwhile.
 */
export function cardLock(index: number): SharedLock {
  const lock = locks.get(index) ?? new SharedLock();
  locks.set(index, lock);
  return lock;
}

/** Cards that are in use, by number and library. */
const devices = new Map<string, CudaDevice>();

/** Bytes of a card's memory, where it is in use and answers. */
export function cardMemory(index: number): CudaDevice["memory"] | undefined {
  try {
    return devices.values().find((device) => device.index === index)?.memory;
  } catch {
    return undefined; // what uses it is told why
  }
}
