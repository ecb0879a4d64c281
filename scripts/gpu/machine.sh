#!/bin/bash
# On the machine with the card, beside the parts that pack.sh made:
#   machine.sh keep                keeps this part in /tmp/denoise-gpu, which stays between calls
#   machine.sh go [flags] [steps]  keeps it, unpacks all and runs the kit; $OUT/gpu.json and $OUT/logs.tgz
set -uo pipefail
HERE=$(cd "$(dirname "$0")" && pwd) KIT=/tmp/denoise-gpu ROOT=/tmp/denoise-gpu/root
mkdir -p "$KIT"
[ -f "$ROOT/ready" ] || cp "$HERE"/part-* "$HERE/SHA256" "$KIT/"
[ "$1" != keep ] || { ls -la "$KIT"; exit; }
shift
begin=$SECONDS
say() { echo "[$((SECONDS - begin)) s] $*"; }
if [ ! -f "$ROOT/ready" ]; then
  (cd "$KIT" && sha256sum -c --quiet SHA256 && cat part-* | tar -x) || exit 3
  mkdir -p "$ROOT"
  python3 - "$KIT" "$ROOT" <<'P' || exit 4
import lzma, os, subprocess, sys, tarfile, glob
from concurrent.futures import ProcessPoolExecutor
kit, root = sys.argv[1:]
def unpack(path):
    if path.endswith("tree.xz"):
        with tarfile.open(path, "r:xz") as tar: tar.extractall(root, filter="fully_trusted")
        return
    with lzma.open(path) as source, open(path[:-3], "wb") as target:
        while block := source.read(1 << 22): target.write(block)
with ProcessPoolExecutor() as pool: list(pool.map(unpack, glob.glob(kit + "/*.xz")))
native = glob.glob(root + "/deno-dir/npm/*/onnxruntime-node/*/bin/napi-v6/linux/x64")[0]
os.replace(kit + "/ort", native + "/libonnxruntime.so.1")
os.replace(glob.glob(kit + "/provider-*[!z]")[0], native + "/libonnxruntime_providers_cuda.so")
os.replace(kit + "/deno", root + "/bin/deno")
os.chmod(root + "/bin/deno", 0o755)
P
  rm -f "$KIT"/part-* "$KIT"/*.xz
  touch "$ROOT/ready"
fi
export PATH=$ROOT/bin:$PATH DENO_DIR=$ROOT/deno-dir DENO_NO_UPDATE_CHECK=1 PYTHONUNBUFFERED=1 PYTHONPATH=$ROOT/site NO_COLOR=1
# torch's CUDA 13 libraries are the provider's too; libcuda.so.1 is the driver's
SITE=$(python3 -c 'import torch, os; print(os.path.dirname(os.path.dirname(torch.__file__)))')
LD_LIBRARY_PATH=$(find "$SITE/nvidia" -type d -name lib | paste -sd:):/usr/local/nvidia/lib64:${LD_LIBRARY_PATH:-}
export LD_LIBRARY_PATH
# Vulkan for WebGPU, where the driver brings it
[ -n "$(ldconfig -p | grep libvulkan.so.1)" ] || LD_LIBRARY_PATH=$ROOT/lib:$LD_LIBRARY_PATH
ICD=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
[ ! -f $ICD ] || export VK_DRIVER_FILES=$ICD
say "unpacked"
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
: "${OUT:=$KIT/back}"
LOGS=$KIT/out
rm -rf "$LOGS" && mkdir -p "$LOGS" "$OUT"
keep() { cp "$LOGS/gpu.json" "$OUT/" 2>/dev/null; tar -czf "$OUT/logs.new" -C "$LOGS" --exclude='*.onnx' . 2>/dev/null && mv "$OUT/logs.new" "$OUT/logs.tgz"; }
cd "$ROOT/app" || exit 5
deno run -A --no-check --cached-only scripts/gpu/main.ts --out "$LOGS" "$@" &
pid=$!
trap 'kill $pid 2>/dev/null; keep; exit 1' TERM INT
while kill -0 $pid 2>/dev/null; do sleep 3; keep; done
wait $pid
status=$?
keep
say "done, status $status"
exit $status
