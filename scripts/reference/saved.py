"""Loads pipelines that were saved by the project and makes an image with each.

    $(sh scripts/reference/setup.sh) scripts/reference/saved.py FOLDER CALL [FOLDER CALL ...]

CALL is the JSON of the call's arguments, and of the `"variant"` to load; `"image"` and `"mask_image"` are names of images below. Prints a JSON line for
each: class name, shape and base64 of the image.
"""

import base64
import json
import sys

import numpy
import torch
from diffusers import DiffusionPipeline
from PIL import Image

from common import generator

RAMP = Image.fromarray((numpy.arange(32 * 32 * 3) % 251).astype(numpy.uint8).reshape(32, 32, 3))
LEFT = Image.fromarray(numpy.where(numpy.arange(32)[None, :].repeat(32, 0) < 16, 255, 0).astype(numpy.uint8))
IMAGES = {"ramp": RAMP, "left half": LEFT}

if __name__ == "__main__":
    for folder, text in zip(sys.argv[1::2], sys.argv[2::2]):
        given = json.loads(text).items()
        call = {name: IMAGES.get(value, value) if isinstance(value, str) else value for name, value in given}
        pipe = DiffusionPipeline.from_pretrained(folder, use_safetensors=True, variant=call.pop("variant", None))
        pipe.set_progress_bar_config(disable=True)
        with torch.no_grad():
            image = numpy.asarray(pipe(**call, generator=generator(3)).images[0])
        data = base64.b64encode(image.tobytes()).decode()
        print(json.dumps({"class": type(pipe).__name__, "shape": image.shape, "data": data}))
