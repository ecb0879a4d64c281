import { DenoiseError, type ErrorCode } from "@denoise/core";

/** What a message of onnxruntime's or CUDA's means, and what to do. */
interface Meaning {
  /**
   * Numbers and names of `cudaError`, as a session says the one and a kernel the other:
   * https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html
   */
  readonly errors?: Readonly<Record<number, string>>;
  /** Words of messages without a number. */
  readonly words?: RegExp;
  readonly code: ErrorCode;
  readonly advice: string;
}

const MEANINGS: readonly Meaning[] = [
  {
    errors: { 35: "cudaErrorInsufficientDriver" },
    code: "runtime_unavailable",
    advice: "the NVIDIA driver is too old for CUDA 13; install version 580 or newer",
  },
  {
    errors: { 100: "cudaErrorNoDevice" },
    code: "runtime_unavailable",
    advice: "this system shows no card of NVIDIA's; see whether nvidia-smi lists one, and run a " +
      "container with --gpus all",
  },
  {
    errors: { 101: "cudaErrorInvalidDevice" },
    code: "runtime_unavailable",
    advice: "there is no card of that number; nvidia-smi lists them, from 0 on",
  },
  {
    errors: { 209: "cudaErrorNoKernelImageForDevice" },
    code: "runtime_unavailable",
    advice: "onnxruntime has no code for this card; take a newer one",
  },
  {
    words: /undefined symbol|version `[^']*' not found/,
    code: "runtime_unavailable",
    advice: "a library is of another version than onnxruntime's; lay the provider's libraries of " +
      "the same version beside it",
  },
  {
    words: /cannot open shared object file/,
    code: "runtime_unavailable",
    advice: 'a library is missing; "denoise doctor" tells which, and where they come from',
  },
  {
    errors: { 2: "cudaErrorMemoryAllocation" },
    words:
      /out of memory|_STATUS_ALLOC_FAILED|Failed to allocate memory|Available memory of \d+ is smaller/,
    code: "out_of_memory",
    advice: "the card has not enough memory; make smaller or fewer images at a time, load with " +
      'torchDtype "float16", dispose of models that are not needed, raise gpu_mem_limit where it ' +
      "is set, or take a card with more",
  },
  {
    // broken or gone cards, wrong addresses, launches that failed: all that a process cannot mend
    errors: {
      46: "cudaErrorDevicesUnavailable",
      214: "cudaErrorECCUncorrectable",
      219: "cudaErrorInvalidGraphicsContext",
      220: "cudaErrorNvlinkUncorrectable",
      226: "cudaErrorContained",
      700: "cudaErrorIllegalAddress",
      702: "cudaErrorLaunchTimeout",
      709: "cudaErrorContextIsDestroyed",
      710: "cudaErrorAssert",
      714: "cudaErrorHardwareStackError",
      715: "cudaErrorIllegalInstruction",
      716: "cudaErrorMisalignedAddress",
      717: "cudaErrorInvalidAddressSpace",
      718: "cudaErrorInvalidPc",
      719: "cudaErrorLaunchFailure",
      999: "cudaErrorUnknown",
    },
    words: /CU(BLAS|DNN)_STATUS_EXECUTION_FAILED/,
    code: "engine_lost",
    advice: "the card is lost to this process, which has to be restarted; the engine " +
      '"child" does so by itself',
  },
];

/** The error of a card with what it means and what to do, where that is known. */
export function explainCuda(error: Error): Error {
  const message = error.message.replace(/\.$/, "");
  const known = /CUDA (?:failure|error) (\w+)/.exec(message)?.[1] ?? "";
  const meaning = MEANINGS.find(({ errors = {}, words }) =>
    known in errors || Object.values(errors).includes(known) || words?.test(message)
  );
  if (meaning === undefined) return error;
  return new DenoiseError(meaning.code, `${message}. That is: ${meaning.advice}`, { cause: error });
}
