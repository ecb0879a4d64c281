#!/bin/bash
# build.sh FOLDER: makes FOLDER a home of onnxruntime with its real CUDA provider over a fake CUDA: libcudart,
# libcublas(Lt), libcurand, libcudnn and libcuda of our own, whose memory is the host's and whose kernels do nothing
# but are counted by name (the negation of a probe alone computes). It shows without a card which operators have
# kernels, that nothing falls back to the CPU, and how many copies and launches a call takes; it shows no number.
# It needs gcc, python3 with pip, and Deno (DENO, `deno` by default); it ends with 3 where packages cannot be fetched.
#
#     bash scripts/gpu/fake/build.sh /tmp/fake-cuda
#     export LD_LIBRARY_PATH=/tmp/fake-cuda DENOISE_ONNXRUNTIME=/tmp/fake-cuda DENOISE_FAKE_CUDA=/tmp/fake-cuda
#     FAKECUDA_OUT=/tmp/counts.json DENO_JOBS=1 deno task test tests/fake_cuda_test.ts tests/fake_cuda_steps_test.ts \
#       tests/fake_cuda_faults_test.ts plugins/runtimes/onnx/engine/native/cuda_test.ts
set -euo pipefail
OUT=${1:?the folder to make} HERE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$OUT/include/crt" && OUT=$(cd "$OUT" && pwd) && cd "$OUT"
fetch() { # fetch PACKAGE PATTERN FOLDER: files of a package's wheel, into a folder
  python3 -m pip download -q --no-deps -d wheels --python-version 3.12 --only-binary=:all: --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 "$1" >&2 || { echo "Cannot fetch $1" >&2; exit 3; }
  python3 - "$2" "$3" <<'P'
import fnmatch, glob, os, sys, zipfile
pattern, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
for wheel in glob.glob("wheels/*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        for name in fnmatch.filter(archive.namelist(), pattern):
            with archive.open(name) as source, open(os.path.join(folder, os.path.basename(name)), "wb") as target:
                while block := source.read(1 << 22):
                    target.write(block)
P
  rm -r wheels
}
[ -f libonnxruntime_providers_cuda.so ] || fetch "onnxruntime-gpu==1.30.*" "onnxruntime/capi/libonnxruntime_providers_*.so" .
[ -d include/cuda ] || fetch "nvidia-cuda-runtime==13.0.*" "nvidia/cu13/include/*.h" include/cuda
library=$(cd "$HERE/../../.." && ${DENO:-deno} eval 'import { libraryFolder } from "@denoise/onnx/libraries"; console.log(libraryFolder())')
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
