#!/bin/bash
# pack.sh FOLDER: packs all that a machine with a card and no network needs into FOLDER/0 .. FOLDER/N of at most
# 60 MiB each. There: `bash N/machine.sh keep` for each but the last, `bash N/machine.sh go [steps]` for that.
# What is downloaded and compressed is kept in .cache/gpu, so that packing again takes seconds.
# WHOLE=1 packs onnxruntime's CUDA provider as it is (three more parts) instead of its Hopper code alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
OUT=${1:?the folder that the parts go to}
ORT=1.30.0 CACHE=$PWD/.cache/gpu PROVIDER=provider-hopper
[ -z "${WHOLE:-}" ] || PROVIDER=provider-whole
mkdir -p "$OUT" "$CACHE"
fetch() { # fetch FOLDER PACKAGES: wheels for Python 3.12 on Linux
  [ -d "$CACHE/$1" ] || { python3 -m pip download -q --no-deps -d "$CACHE/$1.new" --python-version 3.12 --only-binary=:all: \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
    --platform manylinux_2_17_x86_64 "${@:2}" && mv "$CACHE/$1.new" "$CACHE/$1"; }
}
squeeze() { [ -f "$CACHE/$2.xz" ] || { xz --x86 --lzma2=preset=9e,dict=256MiB -c "$1" > "$CACHE/$2.new" && mv "$CACHE/$2.new" "$CACHE/$2.xz"; }; }

# 1 the CUDA provider of exactly this version of onnxruntime, for CUDA 13 and cuDNN 9
if [ ! -f "$CACHE/$PROVIDER.xz" ]; then
  fetch ort "onnxruntime-gpu==$ORT"
  unzip -q -o -j "$CACHE"/ort/*.whl 'onnxruntime/capi/libonnxruntime_providers_*.so' -d "$CACHE"
  [ $PROVIDER = provider-whole ] || deno run --allow-read --allow-write scripts/gpu/fat_binary.ts "$CACHE/libonnxruntime_providers_cuda.so" 90
  squeeze "$CACHE/libonnxruntime_providers_cuda.so" $PROVIDER
fi
# 2 Deno, and the packages that the kit imports; Deno wants the folder of every package of the lock, not its files
squeeze "$(deno eval 'console.log(Deno.execPath())')" deno
export DENO_DIR=$CACHE/deno-dir
deno cache --quiet scripts/gpu/main.ts scripts/gpu/parity.ts scripts/gpu/models.ts plugins/tools/cli/main.ts
NATIVE=$(echo "$DENO_DIR"/npm/*/onnxruntime-node/$ORT/bin/napi-v6)
squeeze "$NATIVE/linux/x64/libonnxruntime.so.1" ort
ROOT=$CACHE/root
rm -rf "$ROOT" && mkdir -p "$ROOT/bin" "$ROOT/app" "$ROOT/site"
cp -a "$DENO_DIR" "$ROOT/deno-dir"
NATIVE=$ROOT/${NATIVE#"$CACHE"/}
rm -rf "$NATIVE"/{darwin,win32,linux/arm64} "$NATIVE/linux/x64/libonnxruntime.so.1" "$ROOT"/deno-dir/*_cache_v2* "$ROOT/deno-dir/gen"
cp "$CACHE/libonnxruntime_providers_shared.so" "$NATIVE/linux/x64/"
for package in @iconify-json openai playwright-core swagger-ui-dist vega vega-lite bullmq @resvg luxon lodash \
  @modelcontextprotocol @aws-sdk @smithy ioredis axe-core typescript @20minutes d3-geo @opentelemetry; do
  find "$ROOT"/deno-dir/npm/*/"$package"* -type f ! -name registry.json ! -name package.json -delete 2>/dev/null || true
done
# for WebGPU, where the machine lacks the loader of Vulkan drivers
mkdir -p "$ROOT/lib"
[ -f "$CACHE/vulkan/usr/lib/x86_64-linux-gnu/libvulkan.so.1" ] || (mkdir -p "$CACHE/vulkan" && cd "$CACHE/vulkan" &&
  apt-get -q download libvulkan1 >/dev/null 2>&1 && dpkg-deb -x libvulkan1*.deb .) || echo "without the Vulkan loader"
cp -L "$CACHE/vulkan/usr/lib/x86_64-linux-gnu/libvulkan.so.1" "$ROOT/lib/" 2>/dev/null || true
# 3 diffusers for the other side: torch, transformers and safetensors are there
fetch diffusers diffusers==0.42.1 importlib_metadata zipp requests charset_normalizer idna certifi
for wheel in "$CACHE"/diffusers/*.whl; do unzip -q -o "$wheel" -d "$ROOT/site"; done
# 4 the tree: code, fixtures, goldens, the embedded model
git ls-files -z --cached --others --exclude-standard |
  grep -zvE '^(docs/images|plugins/embedded/ddpm_emoji/.*safetensors$|functions/doors/playground|tests/fixtures/single_file)' |
  while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
  tar --null -T - -c | tar -x -C "$ROOT/app"
tar -C "$ROOT" --sort=name -c . | xz -6 -T2 > "$CACHE/tree.xz"
rm -rf "$OUT"/[0-9]
tar -C "$CACHE" -c deno.xz $PROVIDER.xz ort.xz tree.xz | split -b 60M -d -a 1 - "$OUT/part-"
(cd "$OUT" && sha256sum part-* > SHA256)
for part in "$OUT"/part-*; do
  folder=$OUT/${part##*-}
  mkdir "$folder" && mv "$part" "$folder/" && cp "$OUT/SHA256" scripts/gpu/machine.sh "$folder/"
done
rm "$OUT/SHA256"
du -a "$OUT" "$CACHE"/*.xz
