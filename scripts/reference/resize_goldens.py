"""torch's own interpolation of a small map, for resizeSpatial() of @denoise/diffusion.

    $(sh scripts/reference/setup.sh) scripts/reference/resize_goldens.py
"""

import json

import torch
import torch.nn.functional as F

from common import ROOT

COMMAND = "scripts/reference/resize_goldens.py"
SIZES = [(6, 8), (5, 7), (2, 3)]
MODES = ["nearest", "nearest-exact", "area", "bilinear", "bilinear-corners", "bicubic", "bilinear-antialias", "bicubic-antialias"]


def main() -> None:
    x = torch.arange(12.0).reshape(1, 1, 3, 4).sin()
    cases = [{"mode": mode, "height": size[0], "width": size[1],
              "values": [round(value, 6) for value in resized(x, size, mode)]}
             for mode in MODES for size in SIZES]
    target = ROOT / "plugins/foundations/diffusion/testdata/resize.json"
    target.parent.mkdir(exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(case)}" for case in cases)
    target.write_text(f'{{"command": "{COMMAND}", "torch": "{torch.__version__}", "cases": [\n{lines}\n]}}\n')


def resized(x: torch.Tensor, size: tuple[int, int], mode: str) -> list[float]:
    corners = {"align_corners": False} if mode.startswith("bi") else {}
    if mode.endswith("-corners"):
        mode, corners = mode.removesuffix("-corners"), {"align_corners": True}
    if mode.endswith("-antialias"):
        mode, corners = mode.removesuffix("-antialias"), {**corners, "antialias": True}
    return F.interpolate(x, size=size, mode=mode, **corners).flatten().tolist()


if __name__ == "__main__":
    main()
