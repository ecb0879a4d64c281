#!/bin/sh
# Prints the path of a Python that has the reference installed (diffusers 0.42.1 on torch 2.13.0, CPU),
# making a virtual environment in .reference/ for it when there is none yet.
#
#     python=$(sh scripts/reference/setup.sh)
#
# DENOISE_REFERENCE_PYTHON  use this Python, which has the packages already
# DENOISE_REFERENCE_BASE    the Python, 3.11 or later, that makes the environment (default: python3)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$(cd "$here/../.." && pwd)/.reference
python=${DENOISE_REFERENCE_PYTHON:-$venv/bin/python}
torch_version=2.13.0
stamp=$venv/installed.txt
wanted=$(echo "torch==$torch_version"; grep -v '^#' "$here/requirements.txt")

if [ -z "${DENOISE_REFERENCE_PYTHON:-}" ] && [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  echo "installing the reference into $venv (about 1.5 GB)" >&2
  "${DENOISE_REFERENCE_BASE:-python3}" -m venv "$venv"
  # An index with torch's CPU builds (set PIP_EXTRA_INDEX_URL to one) has this version with "+cpu" behind it;
  # the plain one of the default index runs as well, but brings the CUDA libraries along.
  "$python" -m pip install --quiet "torch==$torch_version+cpu" 2>/dev/null >&2 ||
    "$python" -m pip install --quiet "torch==$torch_version" >&2
  "$python" -m pip install --quiet --requirement "$here/requirements.txt" >&2
  echo "$wanted" >"$stamp"
fi

[ -x "$python" ] || { echo "no Python at $python (DENOISE_REFERENCE_PYTHON)" >&2; exit 1; }
echo "$python"
