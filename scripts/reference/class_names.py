"""Prints the names of the classes that diffusers has, by kind, as JSON.

    python scripts/reference/class_names.py > scripts/reference/class_names.json
"""

import json

import diffusers

NAMES = sorted(name for name in dir(diffusers) if name[0].isupper())
KINDS = {
    "scheduler": [n for n in NAMES if n.endswith("Scheduler")],
    "pipeline": [n for n in NAMES if n.endswith("Pipeline") or n.startswith("AutoPipeline")],
    "model": [n for n in NAMES if n.endswith(("Model", "Transformer2D", "Transformer3D")) or
              n.startswith(("Autoencoder", "VQ", "UNet", "ControlNet"))],
}
KINDS = {kind: [n for n in names if not n.startswith(("Flax", "Onnx")) and not n.endswith(("Mixin", "Output"))]
         for kind, names in KINDS.items()}
print(json.dumps({"diffusers": diffusers.__version__, **KINDS}, indent=1))
