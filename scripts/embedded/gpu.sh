#!/bin/bash
# Trains the embedded models on a machine with one GPU and no network, in at most ten minutes:
#   gpu.sh pack FOLDER [WORK [RESULTS]]  here: packs the scripts, the drawings of WORK/data and diffusers into FOLDER, some
#                                 20 MB, and with RESULTS the weights of an earlier run to go on from, some 30 MB more
#   FOLDER/gpu.sh train           there: trains, and writes weights and logs into $OUT (eight files, each below 16 MB)
#   gpu.sh export RESULTS [WORK]  here: writes plugins/embedded/{emoji,ddpm_emoji} from what came back
# MINUTES (9.4) is how long `train` takes from start to end. There, python3 has torch, transformers, safetensors and numpy.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
PYTHON=${PYTHON:-python3}
case $1 in
pack)
  root=$(cd "$HERE/../.." && pwd) folder=$2 work=${3:-.embedded}
  mkdir -p "$folder" "$root/.cache/gpu"
  [ -d "$work/data/tokenizer" ] || { deno run -A "$HERE/render.ts" "$work/data" && $PYTHON "$HERE/train.py" tokenizer --work "$work"; }
  wheels=$root/.cache/gpu/diffusers
  [ -d "$wheels" ] || python3 -m pip download -q --no-deps -d "$wheels" --python-version 3.12 --only-binary=:all: \
    --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 \
    diffusers==0.42.1 importlib_metadata zipp requests charset_normalizer idna certifi
  tar -cJf "$folder/scripts.tar.xz" -C "$root/scripts" --exclude='__pycache__' embedded
  tar -c -C "$work/data" . | xz -3 -T2 > "$folder/data.tar.xz"
  tar -cf "$folder/wheels.tar" -C "$wheels" .
  [ -z "${4:-}" ] || tar -cf "$folder/begin.tar" -C "$4" $(cd "$4" && ls -d vae vocab.json training.json ./*.safetensors 2>/dev/null)
  cp "$HERE/gpu.sh" "$folder/"
  (cd "$folder" && sha256sum ./*.xz ./*.tar > SHA256)
  du -sh "$folder"
  ;;
train)
  : "${OUT:?the folder that the results go to}"
  began=$SECONDS deadline=$($PYTHON -c "import time; print(time.time() + 60 * ${MINUTES:-9.4})")
  (cd "$HERE" && sha256sum -c --quiet SHA256)
  work=/tmp/emoji
  [ "$(df --output=avail -k /dev/shm | tail -1)" -lt 16000000 ] || work=/dev/shm/emoji
  mkdir -p $work/data /tmp/emoji-site
  unpack() { $PYTHON -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter="data")' "$1" "$2"; }
  unpack "$HERE/data.tar.xz" $work/data & data=$!
  unpack "$HERE/scripts.tar.xz" $work
  unpack "$HERE/wheels.tar" /tmp/emoji-site
  for wheel in /tmp/emoji-site/*.whl; do $PYTHON -m zipfile -e "$wheel" /tmp/emoji-site; done
  begin=()
  [ ! -f "$HERE/begin.tar" ] || { mkdir -p $work/begin && unpack "$HERE/begin.tar" $work/begin && begin=(--begin $work/begin); }
  wait $data
  echo "unpacked after $((SECONDS - began)) s" | tee "$OUT/log.txt"
  export PYTHONPATH=/tmp/emoji-site PYTHONUNBUFFERED=1 TORCHINDUCTOR_CACHE_DIR=/tmp/emoji-inductor OMP_NUM_THREADS=4
  export TORCHINDUCTOR_FORCE_LAYOUT_OPT=1 # channels last throughout: group norms would break it up
  nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null | tee -a "$OUT/log.txt" || true
  $PYTHON $work/embedded/train.py all --work $work --results "$OUT" --minutes "${MINUTES:-9.4}" --deadline "$deadline" "${begin[@]}" "${@:2}" 2>&1 |
    grep -v --line-buffered 'kept in float32' | tee -a "$OUT/log.txt"
  ;;
export)
  results=$2 work=${3:-.embedded}
  $PYTHON "$HERE/train.py" export --work "$work" --results "$results" --out "$HERE/../../plugins/embedded"
  ;;
*)
  echo "gpu.sh pack, train or export" >&2
  exit 2
  ;;
esac
