/**
 * The C API of onnxruntime as functions: https://onnxruntime.ai/docs/api/c/struct_ort_api.html
 *
 * `OrtGetApiBase()->GetApi(version)` gives a table of function pointers, to which each version adds at
 * the end; a function is its place there. Most give a status, which is null when all went well; here
 * that is an exception instead.
 *
 * @module
 */

/** The version of the table that the places below are of; later libraries have it too. */
const API_VERSION = 27;

/** Place and parameters of functions that give a status. */
const CALLS = {
  CreateEnv: [3, "i32", "buffer", "buffer"],
  CreateSessionOptions: [10, "buffer"],
  SetOptimizedModelFilePath: [11, "pointer", "buffer"],
  EnableProfiling: [14, "pointer", "buffer"],
  DisableMemPattern: [17, "pointer"],
  SetSessionLogSeverityLevel: [22, "pointer", "i32"],
  SetSessionGraphOptimizationLevel: [23, "pointer", "i32"],
  SetIntraOpNumThreads: [24, "pointer", "i32"],
  SessionGetInputCount: [30, "pointer", "buffer"],
  SessionGetOutputCount: [31, "pointer", "buffer"],
  SessionGetInputTypeInfo: [33, "pointer", "usize", "buffer"],
  SessionGetOutputTypeInfo: [34, "pointer", "usize", "buffer"],
  SessionGetInputName: [36, "pointer", "usize", "pointer", "buffer"],
  SessionGetOutputName: [37, "pointer", "usize", "pointer", "buffer"],
  CreateRunOptions: [39, "buffer"],
  RunOptionsSetRunLogSeverityLevel: [41, "pointer", "i32"],
  RunOptionsSetTerminate: [46, "pointer"],
  CreateTensorAsOrtValue: [48, "pointer", "buffer", "usize", "i32", "buffer"],
  CreateTensorWithDataAsOrtValue: [
    49,
    "pointer",
    "pointer",
    "usize",
    "buffer",
    "usize",
    "i32",
    "buffer",
  ],
  GetTensorMutableData: [51, "pointer", "buffer"],
  CastTypeInfoToTensorInfo: [55, "pointer", "buffer"],
  GetTensorElementType: [60, "pointer", "buffer"],
  GetDimensionsCount: [61, "pointer", "buffer"],
  GetDimensions: [62, "pointer", "buffer", "usize"],
  GetTensorTypeAndShape: [65, "pointer", "buffer"],
  CreateMemoryInfo: [68, "buffer", "i32", "i32", "i32", "buffer"],
  MemoryInfoGetName: [71, "pointer", "buffer"],
  AllocatorFree: [76, "pointer", "pointer"],
  GetAllocatorWithDefaultOptions: [78, "buffer"],
  AddSessionConfigEntry: [130, "pointer", "buffer", "buffer"],
  CreateIoBinding: [134, "pointer", "buffer"],
  BindInput: [136, "pointer", "buffer", "pointer"],
  BindOutput: [137, "pointer", "buffer", "pointer"],
  BindOutputToDevice: [138, "pointer", "buffer", "pointer"],
  GetBoundOutputValues: [140, "pointer", "pointer", "buffer", "buffer"],
  AddRunConfigEntry: [165, "pointer", "buffer", "buffer"],
  AppendTensorRT: [170, "pointer", "pointer"],
  CreateTensorRTProviderOptions: [171, "buffer"],
  UpdateTensorRTProviderOptions: [172, "pointer", "buffer", "buffer", "usize"],
  AppendCUDA: [204, "pointer", "pointer"],
  CreateCUDAProviderOptions: [205, "buffer"],
  UpdateCUDAProviderOptions: [206, "pointer", "buffer", "buffer", "usize"],
  AppendProvider: [216, "pointer", "buffer", "buffer", "buffer", "usize"],
  RegisterExecutionProviderLibrary: [301, "pointer", "buffer", "buffer"],
  GetEpDevices: [303, "pointer", "buffer", "buffer"],
  AppendProviderDevices: [
    304,
    "pointer",
    "pointer",
    "buffer",
    "usize",
    "buffer",
    "buffer",
    "usize",
  ],
  SessionGetMemoryInfoForInputs: [380, "pointer", "buffer", "usize"],
  SessionReleaseCapturedGraph: [421, "pointer", "i32"],
} as const satisfies Readonly<Record<string, readonly [number, ...Deno.NativeType[]]>>;

/** The same for functions that take long and run on a thread of their own. */
const LONG_CALLS = {
  CreateSessionFromArray: [8, "pointer", "pointer", "usize", "pointer", "pointer"],
  RunWithBinding: [133, "pointer", "pointer", "pointer"],
} as const satisfies Readonly<Record<string, readonly [number, ...Deno.NativeType[]]>>;

/** Places of the functions that give objects back. */
const RELEASES = {
  Status: 93,
  MemoryInfo: 94,
  Session: 95,
  Value: 96,
  RunOptions: 97,
  TypeInfo: 98,
  TensorTypeAndShapeInfo: 99,
  SessionOptions: 100,
  IoBinding: 135,
  TensorRTProviderOptions: 174,
  CUDAProviderOptions: 208,
} as const;

type Parameters<F> = F extends readonly [number, ...infer P extends readonly Deno.NativeType[]]
  ? Deno.ToNativeParameterTypes<P>
  : never;

/** The functions that give a status; they throw it where it says that something went wrong. */
type Calls = {
  readonly [N in keyof typeof CALLS]: (...args: Parameters<typeof CALLS[N]>) => void;
};

type LongCalls = {
  readonly [N in keyof typeof LONG_CALLS]: (
    ...args: Parameters<typeof LONG_CALLS[N]>
  ) => Promise<void>;
};

/** What onnxruntime says when a call fails. */
export class OrtError extends Error {
  /** `OrtErrorCode`. */
  readonly status: number;

  /** Makes it of a status's code and message. */
  constructor(status: number, message: string) {
    super(message);
    this.name = "OrtError";
    this.status = status;
  }
}

/** Kinds of objects that are given back. */
export type Released = keyof typeof RELEASES;

/** An object of onnxruntime's. */
export type Handle = Deno.PointerObject;

/** Names of functions that give a status. */
export type CallName = keyof typeof CALLS | keyof typeof LONG_CALLS;

/** onnxruntime's C API, of one library. */
export interface Ort {
  /** The library's version, such as `"1.30.0"`. */
  readonly version: string;
  /** Functions by their names in the C API. */
  readonly call: Calls & LongCalls;
  /** Where a function lies, and its parameters: for another thread that calls it. */
  place(name: CallName): { readonly address: bigint; readonly parameters: Deno.NativeType[] };
  /** Throws what a status says, and gives it back. */
  check(status: Deno.PointerValue): void;
  /** Gives an object back. */
  release(kind: Released, object: Handle): void;
  /** The name of the provider that an `OrtEpDevice` belongs to. */
  epName(device: Handle): string;
}

/**
 * Opens the library.
 *
 * @throws {Error} when it is not onnxruntime's or too old.
 */
export function openOrt(path: string): Ort {
  keepLoaded(path);
  const { symbols } = Deno.dlopen(path, { OrtGetApiBase: { parameters: [], result: "pointer" } });
  const base = functionsAt(symbols.OrtGetApiBase()!);
  const version = text(base(1, { parameters: [], result: "pointer" }).call());
  const table = base(0, { parameters: ["u32"], result: "pointer" }).call(API_VERSION);
  if (table === null) {
    throw new Error(
      `Cannot use ${path}: it is onnxruntime ${version}, and from 1.${API_VERSION} on is needed`,
    );
  }
  const api = functionsAt(table);
  const errorCode = api(1, { parameters: ["pointer"], result: "i32" });
  const errorMessage = api(2, { parameters: ["pointer"], result: "pointer" });
  const epDeviceName = api(312, { parameters: ["pointer"], result: "pointer" });
  const releases = mapValues(
    RELEASES,
    (place) => api(place, { parameters: ["pointer"], result: "void" }),
  );

  function check(status: Deno.PointerValue): void {
    if (status === null) return;
    const error = new OrtError(errorCode.call(status), text(errorMessage.call(status)));
    releases.Status.call(status);
    throw error;
  }

  const calls = mapValues(CALLS, ([place, ...parameters]) => {
    const fn = api<General>(place, { parameters, result: "pointer" });
    return (...args: Deno.ToNativeParameterTypes<Deno.NativeType[]>) => check(fn.call(...args));
  });
  const longCalls = mapValues(LONG_CALLS, ([place, ...parameters]) => {
    const fn = api<GeneralLong>(place, {
      parameters,
      result: "pointer",
      nonblocking: true,
    });
    return async (...args: Deno.ToNativeParameterTypes<Deno.NativeType[]>) =>
      check(await fn.call(...args));
  });
  return {
    version,
    call: { ...calls, ...longCalls } as Calls & LongCalls,
    place(name) {
      const [place, ...parameters] = { ...CALLS, ...LONG_CALLS }[name];
      const { pointer } = api(place, { parameters, result: "pointer" });
      return { address: Deno.UnsafePointer.value(pointer), parameters };
    },
    check,
    release: (kind, object) => releases[kind].call(object),
    epName: (device) => text(epDeviceName.call(device)),
  };
}

/** `RTLD_NOW | RTLD_NODELETE`. */
const NOW_AND_FOREVER: { readonly [system: string]: number | undefined } = {
  linux: 0x1002,
  darwin: 0x82,
};

/** Keeps a library when Deno closes it, at the end: its threads are still running then. */
function keepLoaded(path: string): void {
  const flags = NOW_AND_FOREVER[Deno.build.os];
  if (flags === undefined) return;
  const libc = Deno.dlopen(Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
    dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
  });
  libc.symbols.dlopen(cString(path), flags);
  libc.close();
}

type General = Deno.ForeignFunction<Deno.NativeType[], "pointer", false>;

type GeneralLong = Deno.ForeignFunction<Deno.NativeType[], "pointer", true>;

/** The functions whose pointers lie one after another from an address on. */
function functionsAt(address: Deno.PointerObject) {
  const table = new Deno.UnsafePointerView(address);
  return <const F extends Deno.ForeignFunction>(
    place: number,
    definition: F,
  ): Deno.UnsafeFnPointer<F> => {
    const pointer = table.getPointer<Omit<F, "nonblocking">>(place * 8)!;
    return new Deno.UnsafeFnPointer<F>(pointer, definition);
  };
}

function mapValues<K extends string, T, U>(
  record: Readonly<Record<K, T>>,
  map: (value: T) => U,
): Record<K, U> {
  const entries = Object.entries<T>(record).map(([name, value]) => [name, map(value)]);
  return Object.fromEntries(entries);
}

/** The text that a pointer to C characters leads to. */
export function text(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** A text as C characters. */
export function cString(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${value}\0`);
}

/** The pointer that a function stores at a given address. */
export function stored(call: (place: BigUint64Array<ArrayBuffer>) => void): Handle {
  const place = new BigUint64Array(1);
  call(place);
  return Deno.UnsafePointer.create(place[0]!)!;
}

/** The number that a function stores at a given address. */
export function storedNumber(call: (place: BigUint64Array<ArrayBuffer>) => void): number {
  const place = new BigUint64Array(1);
  call(place);
  return Number(place[0]);
}

/** An array of C texts: pointers, and behind them the characters that they lead to. */
export function cStrings(values: readonly string[]): BigUint64Array<ArrayBuffer> {
  const texts = values.map(cString);
  const head = values.length * 8;
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + length, head));
  const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  const pointers = new BigUint64Array(bytes.buffer, 0, values.length);
  let place = head;
  for (const [index, characters] of texts.entries()) {
    pointers[index] = start + BigInt(place);
    bytes.set(characters, place);
    place += characters.length;
  }
  return pointers;
}
