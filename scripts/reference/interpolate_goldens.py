"""Writes plugins/schedulers/flow_match_lcm/testdata/interpolate.json: what torch.nn.functional.interpolate gives.

    python interpolate_goldens.py
"""

import torch

from common import ROOT, b64, generator, versions, write_json

CASES = [("nearest", [5], [8]), ("nearest-exact", [5], [3]), ("linear", [5], [8]), ("area", [5], [3]),
         ("nearest", [4, 6], [7, 3]), ("nearest-exact", [4, 6], [7, 9]), ("bilinear", [4, 6], [7, 3]),
         ("bicubic", [4, 6], [7, 9]), ("bicubic", [6, 4], [3, 3]), ("area", [4, 6], [3, 4]), ("trilinear", [2, 3, 4], [3, 5, 2])]


def record(mode: str, before: list[int], after: list[int]) -> dict:
    x = torch.randn([2, 2, *before], generator=generator(0))
    return {"mode": mode, "from": before, "to": after, "result": b64(torch.nn.functional.interpolate(x, size=after, mode=mode))}


if __name__ == "__main__":
    write_json(ROOT / "plugins/schedulers/flow_match_lcm/testdata/interpolate.json", {
        "versions": versions(), "command": "scripts/reference/interpolate_goldens.py",
        "cases": [record(*case) for case in CASES],
    })
