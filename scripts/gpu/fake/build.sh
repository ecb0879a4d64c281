#!/bin/bash
# build.sh FOLDER: makes FOLDER a home of onnxruntime with its real CUDA provider over a fake CUDA: libcudart,
# libcublas(Lt), libcurand, libcudnn and libcuda of our own, whose memory is the host's and whose kernels do nothing
# but are counted by name (the negation of a probe alone computes). It shows without a card which operators have
# kernels, that nothing falls back to the CPU, and how many copies and launches a call takes; it shows no number.
#
#     bash scripts/gpu/fake/build.sh /tmp/fake-cuda
#     LD_LIBRARY_PATH=/tmp/fake-cuda DENOISE_ONNXRUNTIME=/tmp/fake-cuda DENOISE_FAKE_CUDA=1 \
#       deno task test tests/fake_cuda_test.ts
set -euo pipefail
OUT=${1:?the folder to make} HERE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$OUT/include/crt" && cd "$OUT"
get() { # get PACKAGE: its wheel
  python3 -m pip download -q --no-deps -d "$OUT/wheels" --python-version 3.12 --only-binary=:all: --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 "$1"
}
[ -f libonnxruntime_providers_cuda.so ] || { get "onnxruntime-gpu==1.30.*" &&
  unzip -q -o -j wheels/onnxruntime_gpu-*.whl 'onnxruntime/capi/libonnxruntime_providers_*.so' -d .; }
[ -d include/cuda ] || { get "nvidia-cuda-runtime==13.0.*" &&
  unzip -q -o -j wheels/nvidia_cuda_runtime-*.whl 'nvidia/cu13/include/*.h' -d include/cuda; }
library=$(cd "$HERE/../../.." && deno eval 'import { libraryFolder } from "@denoise/onnx/libraries"; console.log(libraryFolder())')
ln -sf "$library/napi-v6/linux/x64/libonnxruntime.so.1" libonnxruntime.so.1

# the headers' own words for nvcc, which a plain C compiler does not know
for word in __device_builtin__ CUDARTAPI __cudart_builtin__ __device_builtin_texture_type__ \
  __device_builtin_surface_type__ CUDART_CB CUDARTAPI_CDECL __host__ __device__; do echo "#define $word"; done > include/crt/host_defines.h
echo '#define __builtin_align__(n) __attribute__((aligned(n)))
#define __align__(n) __attribute__((aligned(n)))' >> include/crt/host_defines.h
echo 'libcudart.so.13 { global: *; };' > cudart.map
gcc -w -O1 -shared -fPIC -Iinclude -Iinclude/cuda -Wl,-soname,libcudart.so.13 -Wl,--version-script=cudart.map \
  -o libcudart.so.13 "$HERE/cudart.c"
nm -D --undefined-only libonnxruntime_providers_cuda.so | awk '{print $2}' | grep '^cublas' > cublas.txt
python3 "$HERE/cublas.py"
for name in libcublas libcublasLt; do
  gcc -w -shared -fPIC -Wl,-soname,$name.so.13 -Wl,--version-script=$name.map -o $name.so.13 $name.c -L. -l:libcudart.so.13
done
echo 'int none;' | gcc -x c -shared -fPIC -Wl,-soname,libcurand.so.10 -o libcurand.so.10 -
echo 'int cuTensorMapEncodeTiled(void) { return 0; }' | gcc -x c -shared -fPIC -Wl,-soname,libcuda.so.1 -o libcuda.so.1 -
gcc -w -shared -fPIC -Wl,-soname,libcudnn.so.9 -o libcudnn.so.9 "$HERE/cudnn.c" -L. -l:libcudart.so.13
