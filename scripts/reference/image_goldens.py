"""Goldens of @denoise/image: what Pillow, numpy and diffusers make of small images and files.

    $(sh scripts/reference/setup.sh) scripts/reference/image_goldens.py [SEED [COUNT]]

writes plugins/media/image/testdata: goldens.json, and the files that the cases of "files" name. Another
seed gives other images; they are checked the same way.
"""

import base64
import io
import json
import shutil
import struct
import sys
import zlib
from pathlib import Path

import diffusers
import numpy as np
import PIL
import torch
from diffusers.image_processor import VaeImageProcessor
from diffusers.utils import load_image, make_image_grid
from PIL import Image, ImageFilter, ImageOps

TESTDATA = Path(__file__).resolve().parents[2] / "plugins" / "media" / "image" / "testdata"
COMMAND = "scripts/reference/image_goldens.py"
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
METHODS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pixels(image: Image.Image) -> dict:
    return {"width": image.width, "height": image.height, "channels": len(image.getbands()), "data": b64(image.tobytes())}


def image(draw: np.random.Generator, channels: int, limit: int = 28) -> Image.Image:
    width, height = (int(n) for n in draw.integers(1, limit, 2))
    data = draw.integers(0, 256, (height, width, channels), dtype=np.uint8)
    if draw.random() < 0.3:
        data = np.where(data > 127, 255, 0).astype(np.uint8)
    return Image.fromarray(data[..., 0] if channels == 1 else data)


def resizes(draw: np.random.Generator, count: int) -> list[dict]:
    cases = []
    for i in range(count):
        image = image(draw, [1, 3, 4][i % 3])
        method = list(METHODS)[i % len(METHODS)]
        width, height = (int(n) for n in draw.integers(1, 28, 2))
        width = image.width if i % 11 == 5 else width
        height = image.height if i % 13 == 6 else height
        cases.append({"from": pixels(image), "method": method, "to": pixels(image.resize((width, height), METHODS[method]))})
    return cases


def float_resizes(draw: np.random.Generator, count: int) -> list[dict]:
    cases = []
    for i in range(count):
        method = [name for name in METHODS if name != "nearest"][i % 5]
        plane = draw.standard_normal(tuple(draw.integers(1, 16, 2))).astype(np.float32)
        width, height = (int(n) for n in draw.integers(1, 16, 2))
        resized = np.asarray(Image.fromarray(plane).resize((width, height), METHODS[method]))
        cases.append({"dims": plane.shape, "from": b64(plane.tobytes()), "method": method,
                      "width": width, "height": height, "to": b64(resized.tobytes())})
    return cases


def blurs(draw: np.random.Generator, count: int) -> list[dict]:
    cases = []
    for i in range(count):
        image = image(draw, [1, 3, 4][i % 3])
        radius = round(float(draw.random()) * [3, 12, 40][i % 3 - 1], 3)
        gaussian, box = image.filter(ImageFilter.GaussianBlur(radius)), image.filter(ImageFilter.BoxBlur(radius))
        cases.append({"from": pixels(image), "radius": radius, "gaussian": b64(gaussian.tobytes()), "box": b64(box.tobytes())})
    return cases


def paintings(draw: np.random.Generator, count: int) -> list[dict]:
    """What inpainting with padding_mask_crop does around a mask."""
    processor, cases = VaeImageProcessor(), []
    for i in range(count):
        image = image(draw, [3, 4][i % 2])
        marked = np.zeros((image.height, image.width), np.uint8)
        x, y = int(draw.integers(0, image.width)), int(draw.integers(0, image.height))
        marked[y : y + int(draw.integers(1, 20)), x : x + int(draw.integers(1, 20))] = 255
        mask = Image.fromarray(marked).filter(ImageFilter.GaussianBlur([0, 2][i // 2 % 2]))
        width, height, pad = (int(n) for n in draw.integers(8, 24, 3))
        region = processor.get_crop_region(mask, width, height, pad % 5)
        painted = Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8))
        rgb = image.convert("RGB").resize((image.width + 4, image.height + 4))
        cases.append({
            "image": pixels(image), "mask": pixels(mask), "painted": pixels(painted), "pad": pad % 5, "region": region,
            "overlay": pixels(processor.apply_overlay(mask, image, painted, region)), "whole": pixels(rgb),
            "fill": pixels(processor._resize_and_fill(rgb, width, height)),
            "crop": pixels(processor._resize_and_crop(rgb, width, height)),
        })
    return cases


def conversions(draw: np.random.Generator) -> list[dict]:
    images = [image(draw, channels) for channels in MODES]
    return [{"from": pixels(image), "mode": mode, "to": pixels(image.convert(mode))}
            for image in images for mode in MODES.values()]


def crops(draw: np.random.Generator) -> list[dict]:
    cases = []
    for channels in MODES:
        image = image(draw, channels)
        left, top = (int(n) for n in draw.integers(-5, 20, 2))
        box = (left, top, left + int(draw.integers(1, 20)), top + int(draw.integers(1, 20)))
        cases.append({"from": pixels(image), "box": box, "to": pixels(image.crop(box))})
    return cases


def tensors(draw: np.random.Generator) -> dict:
    ties = (np.arange(0, 256, dtype=np.float32) + 0.5) / np.float32(255)
    values = np.concatenate([ties[:255], draw.random(57, dtype=np.float32)]).reshape(2, 3, 4, 13)
    images = VaeImageProcessor.numpy_to_pil(values.transpose(0, 2, 3, 1))
    sample = (draw.standard_normal((2, 3, 5, 4)) * 3).astype(np.float32)
    shown = ((torch.from_numpy(sample).permute(0, 2, 3, 1) + 1.0) * 127.5).numpy().astype(np.uint8)[0]
    back = VaeImageProcessor.pil_to_numpy(images[0])
    grid = make_image_grid([images[0], images[1], images[0], images[1]], rows=2, cols=2)
    return {
        "dims": values.shape, "values": b64(values.tobytes()), "images": [pixels(image) for image in images],
        "back": b64(np.ascontiguousarray(back.transpose(0, 3, 1, 2)).tobytes()), "grid": pixels(grid),
        "sampleDims": sample.shape, "sample": b64(sample.tobytes()), "shown": b64(shown.tobytes()),
    }


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width: int, height: int, kind: int, bits: int, rows: bytes, extra: bytes = b"", interlace: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def unusual_pngs(draw: np.random.Generator) -> dict[str, bytes]:
    width, height = 13, 9

    def rows(bytes_per_row: int, top: int = 256) -> bytes:
        return b"".join(b"\0" + draw.integers(0, top, bytes_per_row, dtype=np.uint8).tobytes() for _ in range(height))

    adam7 = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    interlaced = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in adam7[y::dy, x::dx] if row.size)
    return {
        "grey1.png": raw_png(width, height, 0, 1, rows((width + 7) // 8)),
        "grey2.png": raw_png(width, height, 0, 2, rows((width * 2 + 7) // 8)),
        "grey4.png": raw_png(width, height, 0, 4, rows((width * 4 + 7) // 8)),
        "rgb16.png": raw_png(width, height, 2, 16, rows(width * 6)),
        "grey-alpha16.png": raw_png(width, height, 4, 16, rows(width * 4)),
        "rgba16.png": raw_png(width, height, 6, 16, rows(width * 8)),
        "grey-trns.png": raw_png(width, height, 0, 8, rows(width, 8), chunk(b"tRNS", struct.pack(">H", 5))),
        "rgb-trns.png": raw_png(width, height, 2, 8, rows(width * 3, 2), chunk(b"tRNS", struct.pack(">HHH", 1, 0, 1))),
        "interlaced.png": raw_png(width, height, 2, 8, interlaced, interlace=1),
        "grey16.png": raw_png(width, height, 0, 16, rows(width * 2)),
    }


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def files(draw: np.random.Generator) -> dict[str, bytes]:
    y, x = np.mgrid[0:18, 0:25]
    smooth = np.stack([(np.sin(x / 4) + 1) * 127, (np.cos(y / 3) + 1) * 127, (x + y) * 5], -1)
    photo = Image.fromarray(smooth.astype(np.uint8))
    noise = Image.fromarray(draw.integers(0, 256, (9, 13, 3), dtype=np.uint8))
    clear = Image.fromarray(draw.integers(0, 256, (9, 13, 4), dtype=np.uint8))
    frames = [photo.quantize(16), photo.rotate(90).quantize(16)]
    exif = {n: Image.Exif() for n in range(1, 9)}
    for n, block in exif.items():
        block[0x0112] = n
    return {
        "rgb.png": encoded(noise, "png"), "rgba.png": encoded(clear, "png"), "grey.png": encoded(noise.convert("L"), "png"),
        "grey-alpha.png": encoded(clear.convert("LA"), "png"), "palette.png": encoded(noise.quantize(16), "png"),
        "palette-trns.png": encoded(noise.quantize(8), "png", transparency=bytes([0, 128, 255, 7])),
        "orientation-6.png": encoded(noise, "png", exif=exif[6]),
        "444.jpg": encoded(photo, "jpeg", quality=90, subsampling=0), "422.jpg": encoded(photo, "jpeg", quality=80, subsampling=1),
        "420.jpg": encoded(photo, "jpeg", quality=75, subsampling=2), "grey.jpg": encoded(photo.convert("L"), "jpeg"),
        "progressive.jpg": encoded(photo, "jpeg", progressive=True), "cmyk.jpg": encoded(photo.convert("CMYK"), "jpeg"),
        **{f"orientation-{n}.jpg": encoded(photo, "jpeg", quality=60, exif=block) for n, block in exif.items()},
        "lossy.webp": encoded(photo, "webp", quality=80), "lossless.webp": encoded(photo, "webp", lossless=True),
        "alpha.webp": encoded(clear, "webp", quality=80), "orientation-8.webp": encoded(photo, "webp", exif=exif[8]),
        "plain.gif": encoded(frames[0], "gif"), "two-frames.gif": encoded(frames[0], "gif", save_all=True, append_images=frames[1:]),
        "transparent.gif": encoded(noise.quantize(8), "gif", transparency=2),
        **unusual_pngs(draw),
    }


def write_files(draw: np.random.Generator) -> list[dict]:
    folder = TESTDATA / "files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    processor = VaeImageProcessor(do_normalize=False, vae_scale_factor=1)
    grey = VaeImageProcessor(do_normalize=False, vae_scale_factor=1, do_convert_grayscale=True)
    cases = []
    for name, data in files(draw).items():
        path = folder / name
        path.write_bytes(data)
        image = ImageOps.exif_transpose(Image.open(path))
        case = {"name": name, "mode": image.mode}
        if name == "grey16.png":  # Pillow clips 16 bits to 8, which leaves nothing of an image; its upper bytes are meant
            upper = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            cases.append({**case, "rgb": pixels(upper.convert("RGB"))})
            continue
        case["rgb"] = pixels(image.convert("RGB"))
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info and image.mode == "P":
            case["alpha"] = b64(image.convert("RGBA").getchannel("A").tobytes())
        loaded = load_image(str(path))
        case["tensor"] = b64(processor.preprocess(loaded, height=7, width=10).numpy().tobytes())
        case["grey"] = b64(grey.preprocess(loaded, height=7, width=10).numpy().tobytes())
        cases.append(case)
    return cases


def main(seed: int, count: int) -> None:
    draw = np.random.default_rng(seed)
    golden = {
        "versions": {"pillow": PIL.__version__, "numpy": np.__version__, "diffusers": diffusers.__version__, "torch": torch.__version__},
        "command": COMMAND,
        "resizes": resizes(draw, count), "floatResizes": float_resizes(draw, count // 2), "blurs": blurs(draw, count // 2),
        "conversions": conversions(draw), "crops": crops(draw), "tensors": tensors(draw),
        "paintings": paintings(draw, 12), "files": write_files(draw),
    }
    (TESTDATA / "goldens.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    seed, count = [int(value) for value in [*sys.argv[1:], *["0", "36"][len(sys.argv) - 1 :]]]
    main(seed, count)
