import { parseDevice } from "../../devices.ts";
import { MODEL } from "../../optimized.ts";
import { plansMemory, sessionEntries } from "../../session.ts";
import type { DeviceOptions, SessionSpec } from "../engine.ts";
import { cString, cStrings, type Handle, type Ort } from "./api.ts";
import { Owned } from "./owned.ts";

/** `GraphOptimizationLevel`. */
const LEVELS = { none: 0, basic: 1, extended: 2, all: 99 } as const;

/** `ORT_LOGGING_LEVEL_FATAL`: what goes wrong is thrown too. */
export const FATAL = 4;

/** A provider of a library of its own, which onnxruntime loads when it is first used. */
export interface ProviderPlugin {
  /** The provider's name, such as `"OpenVINOExecutionProvider"`. */
  readonly name: string;
  /** The path of its library. */
  readonly library: string;
}

/** Options of a session as onnxruntime takes them, kept until `owned` ends. */
export function sessionOptions(
  ort: Ort,
  env: Handle,
  spec: SessionSpec,
  plugin: ProviderPlugin | undefined,
  owned: Owned,
): Handle {
  const { call } = ort;
  const { threads, optimization = "extended", device = "cpu", deviceOptions = {} } = spec;
  const options = owned.keep("SessionOptions", (place) => call.CreateSessionOptions(place));
  call.SetSessionLogSeverityLevel(options, FATAL);
  call.SetSessionGraphOptimizationLevel(options, LEVELS[optimization]);
  const { saveTo } = spec;
  if (saveTo !== undefined) {
    call.SetOptimizedModelFilePath(options, cString(`${saveTo.folder}/${MODEL}`));
  }
  if (spec.profile !== undefined) call.EnableProfiling(options, cString(spec.profile));
  if (!plansMemory(spec)) call.DisableMemPattern(options);
  if (threads !== undefined) call.SetIntraOpNumThreads(options, threads);
  for (const [name, value] of Object.entries(sessionEntries(spec))) {
    call.AddSessionConfigEntry(options, cString(name), cString(value));
  }
  if (plugin !== undefined) appendPlugin(ort, env, options, plugin, deviceOptions);
  else appendProvider(ort, options, device, deviceOptions);
  return options;
}

/** Names of the providers that take options as texts. */
const NAMES = { webgpu: "WebGPU", coreml: "CoreML", dml: "DML" } as const;

function appendProvider(
  ort: Ort,
  options: Handle,
  device: NonNullable<SessionSpec["device"]>,
  deviceOptions: DeviceOptions,
): void {
  const { call } = ort;
  const { provider, index } = parseDevice(device);
  switch (provider) {
    case "cpu":
      return;
    case "cuda":
      return appendCuda(ort, options, { device_id: index, ...deviceOptions });
    case "tensorrt":
      appendTensorRT(ort, options, { device_id: index, ...deviceOptions });
      // what TensorRT cannot do stays on the same card
      return appendCuda(ort, options, { device_id: index });
    default: {
      const given = provider === "dml" ? { device_id: index, ...deviceOptions } : deviceOptions;
      const [names, values] = texts(given);
      const count = BigInt(names.length);
      call.AppendProvider(options, cString(NAMES[provider]), names, values, count);
    }
  }
}

function appendCuda({ call, release }: Ort, options: Handle, given: DeviceOptions): void {
  const [names, values] = texts(given);
  using owned = new Owned({ release });
  const cuda = owned.keep(
    "CUDAProviderOptions",
    (place) => call.CreateCUDAProviderOptions(place),
  );
  call.UpdateCUDAProviderOptions(cuda, names, values, BigInt(names.length));
  call.AppendCUDA(options, cuda);
}

function appendTensorRT({ call, release }: Ort, options: Handle, given: DeviceOptions): void {
  const [names, values] = texts(given);
  using owned = new Owned({ release });
  const tensorrt = owned.keep(
    "TensorRTProviderOptions",
    (place) => call.CreateTensorRTProviderOptions(place),
  );
  call.UpdateTensorRTProviderOptions(tensorrt, names, values, BigInt(names.length));
  call.AppendTensorRT(options, tensorrt);
}

/** Libraries that are registered: each once in a process. */
const registered = new Set<string>();

function appendPlugin(
  ort: Ort,
  env: Handle,
  options: Handle,
  { name, library }: ProviderPlugin,
  deviceOptions: DeviceOptions,
): void {
  const { call } = ort;
  if (!registered.has(library)) {
    call.RegisterExecutionProviderLibrary(env, cString(library), cString(library));
    registered.add(library);
  }
  const place = new BigUint64Array(2); // the array's address, and its length
  call.GetEpDevices(env, place.subarray(0, 1), place.subarray(1));
  const count = Number(place[1]);
  const address = Deno.UnsafePointer.create(place[0]!);
  const all = address === null
    ? []
    : Array.from({ length: count }, (_, i) =>
      new Deno.UnsafePointerView(address).getPointer(i * 8)!);
  const names = all.map((device) => ort.epName(device));
  const own = all.filter((_, i) => names[i] === name).slice(0, 1);
  if (own.length === 0) {
    throw new RangeError(
      `${library} has no provider ${JSON.stringify(name)} for this machine; ` +
        `there are ${[...new Set(names)].join(", ")}`,
    );
  }
  const devices = BigUint64Array.from(own, (device) => Deno.UnsafePointer.value(device));
  const [keys, values] = texts(deviceOptions);
  call.AppendProviderDevices(
    options,
    env,
    devices,
    BigInt(devices.length),
    keys,
    values,
    BigInt(keys.length),
  );
}

/** Names and values of options as the C API takes them: truth is "1". */
function texts(options: DeviceOptions) {
  const values = Object.values(options).map((value) =>
    String(typeof value === "boolean" ? Number(value) : value)
  );
  return [cStrings(Object.keys(options)), cStrings(values)] as const;
}
