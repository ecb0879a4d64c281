import { DenoiseError, type ErrorCode } from "@denoise/core";

/** What a message of onnxruntime's or CUDA's means, and what to do. */
interface Meaning {
  /**
   * Numbers of `cudaError`:
   * https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html
   */
  readonly numbers?: readonly number[];
  /** Words of messages without a number. */
  readonly words?: RegExp;
  readonly code: ErrorCode;
  readonly advice: string;
}

const MEANINGS: readonly Meaning[] = [
  {
    numbers: [35],
    code: "runtime_unavailable",
    advice: "the NVIDIA driver is too old for CUDA 13; install version 580 or newer",
  },
  {
    numbers: [100],
    code: "runtime_unavailable",
    advice: "this system shows no card of NVIDIA's; see whether nvidia-smi lists one, and run a " +
      "container with --gpus all",
  },
  {
    numbers: [101],
    code: "runtime_unavailable",
    advice: "there is no card of that number; nvidia-smi lists them, from 0 on",
  },
  {
    numbers: [209],
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
    numbers: [2],
    words: /out of memory|Failed to allocate memory|Available memory of \d+ is smaller/,
    code: "out_of_memory",
    advice: "the card has not enough memory; make smaller or fewer images at a time, load with " +
      'torchDtype "float16", dispose of models that are not needed, raise gpu_mem_limit where it ' +
      "is set, or take a card with more",
  },
  {
    // broken or gone cards, wrong addresses, launches that failed: all that a process cannot mend
    numbers: [46, 214, 219, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999],
    words: /illegal memory access|unspecified launch failure|uncorrectable ECC/,
    code: "engine_lost",
    advice: "the card is lost to this process, which has to be restarted; the engine " +
      '"child" does so by itself',
  },
];

/** The error of a card with what it means and what to do, where that is known. */
export function explainCuda(error: Error): Error {
  const message = error.message.replace(/\.$/, "");
  const number = Number(/CUDA (?:failure|error) (\d+)/.exec(message)?.[1]);
  const meaning = MEANINGS.find(({ numbers = [], words }) =>
    numbers.includes(number) || words?.test(message)
  );
  if (meaning === undefined) return error;
  return new DenoiseError(meaning.code, `${message}. That is: ${meaning.advice}`, { cause: error });
}
