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


def random_image(draw: np.random.Generator, channels: int, limit: int = 28) -> Image.Image:
    width, height = (int(n) for n in draw.integers(1, limit, 2))
    data = draw.integers(0, 256, (height, width, channels), dtype=np.uint8)
    if draw.random() < 0.3:
        data = np.where(data > 127, 255, 0).astype(np.uint8)
    return Image.fromarray(data[..., 0] if channels == 1 else data)


def resizes(draw: np.random.Generator, count: int) -> list[dict]:
    cases = []
    for i in range(count):
        image = random_image(draw, [1, 3, 4][i % 3])
        method = list(METHODS)[i % len(METHODS)]
        width, height = (int(n) for n in draw.integers(1, 28, 2))
        width = image.width if i % 11 == 5 else width
        height = image.height if i % 13 == 6 else height
        cases.append({"from": pixels(image), "method": method, "to": pixels(image.resize((width, height), METHODS[method]))})
    return cases


def drawn_image(seed: int, width: int, height: int, channels: int, extreme: bool) -> Image.Image:
    """What torch's generator draws, so that the seed stands for it; with `extreme` 0 and 255 alone."""
    data = torch.randint(0, 256, (height, width, channels), generator=torch.Generator().manual_seed(seed)).to(torch.uint8).numpy()
    data = np.where(data > 127, 255, 0).astype(np.uint8) if extreme else data
    return Image.fromarray(data[..., 0] if channels == 1 else data)


def reductions(draw: np.random.Generator, count: int) -> list[dict]:
    """Images that are reduced by whole factors before they are resampled, which larger gaps do less."""
    cases = []
    for i in range(count):
        columns, rows = (int(n) for n in draw.integers(1, 90, 2))
        given = {"seed": i, "width": columns, "height": rows, "channels": [1, 3, 4][i % 3], "extreme": i % 4 == 3}
        method = [name for name in METHODS if name != "nearest"][i % 5]
        width, height, gap = (int(n) for n in (*draw.integers(1, 28, 2), 1 + i % 2))
        made = drawn_image(**given).resize((width, height), METHODS[method], reducing_gap=gap)
        cases.append({"from": given, "method": method, "gap": gap, "to": pixels(made)})
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
        image = random_image(draw, [1, 3, 4][i % 3])
        radius = round(float(draw.random()) * [3, 12, 40][i % 3 - 1], 3)
        gaussian, box = image.filter(ImageFilter.GaussianBlur(radius)), image.filter(ImageFilter.BoxBlur(radius))
        cases.append({"from": pixels(image), "radius": radius, "gaussian": b64(gaussian.tobytes()), "box": b64(box.tobytes())})
    return cases


def paintings(draw: np.random.Generator, count: int) -> list[dict]:
    """What inpainting with padding_mask_crop does around a mask."""
    processor, cases = VaeImageProcessor(), []
    for i in range(count):
        image = random_image(draw, [3, 4][i % 2])
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
    images = [random_image(draw, channels) for channels in MODES]
    return [{"from": pixels(image), "mode": mode, "to": pixels(image.convert(mode))}
            for image in images for mode in MODES.values()]


def crops(draw: np.random.Generator) -> list[dict]:
    cases = []
    for channels in MODES:
        image = random_image(draw, channels)
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
        **unusual_pngs(draw), **other_formats(photo, noise, clear), **turned(photo), **unmarked(photo),
    }


def bmp(header: bytes, palette: bytes, rows: bytes) -> bytes:
    offset = 14 + len(header) + len(palette)
    return struct.pack("<2sLHHL", b"BM", offset + len(rows), 0, 0, offset) + header + palette + rows


def bmp_header(width: int, height: int, bits: int, compression: int = 0, colours: int = 0, more: bytes = b"") -> bytes:
    return struct.pack("<LllHHLLllLL", 40 + len(more), width, height, 1, bits, compression, 0, 0, 0, colours, 0) + more


def unusual_bmps() -> dict[str, bytes]:
    draw = np.random.default_rng(5)
    width, height = 13, 9
    bits = lambda n: draw.integers(0, 256, n, dtype=np.uint8).tobytes()
    masks = lambda *values: struct.pack(f"<{len(values)}L", *values)
    runs8 = b"".join(bytes([5, y, 8, 200 - y, 0, 0]) for y in range(4)) + bytes([0, 2, 3, 1, 10, 9, 0, 0]) + b"".join(
        bytes([0, 3]) + bytes([y, 2 * y, 7]) + b"\0" + bytes([10, 99, 0, 0]) for y in range(4)) + bytes([0, 1])
    runs4 = b"".join(bytes([5, 0x12, 3, 0x0F, 0, 5, 0x98, 0x76, 0x50, 0]) + bytes([0, 0]) for _ in range(9)) + bytes([0, 1])
    colours = b"".join(bytes([b, g, r, 0]) for b, g, r in draw.integers(0, 256, (256, 3)))
    old = struct.pack("<LHHHH", 12, width, height, 1, 8)
    return {
        "palette1.bmp": bmp(bmp_header(width, height, 1), colours[:8], bits(4 * height)),
        "palette4.bmp": bmp(bmp_header(width, height, 4), colours[:64], bits(8 * height)),
        "runs8.bmp": bmp(bmp_header(width, height, 8, 1), colours, runs8),
        "runs4.bmp": bmp(bmp_header(width, height, 4, 2), colours[:64], runs4),
        "short-palette.bmp": bmp(bmp_header(width, height, 8, 0, 5), colours[:20], bytes(i % 5 for i in range(16 * height))),
        "os2.bmp": bmp(old, b"".join(colours[i : i + 3] for i in range(0, 1024, 4)), bits(16 * height)),
        "rgb555.bmp": bmp(bmp_header(width, height, 16), b"", bits(28 * height)),
        "rgb565.bmp": bmp(bmp_header(width, height, 16, 3), masks(0xF800, 0x7E0, 0x1F), bits(28 * height)),
        "rgb32.bmp": bmp(bmp_header(width, height, 32), b"", bits(4 * width * height)),
        "rgba32.bmp": bmp(bmp_header(width, height, 32, 3, more=masks(0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(52)), b"",
                          bits(4 * width * height)),
        "top-down.bmp": bmp(bmp_header(width, -height, 24), b"", bits(40 * height)),
    }


def other_formats(photo: Image.Image, noise: Image.Image, clear: Image.Image) -> dict[str, bytes]:
    saved = {
        "animated.webp": encoded(photo, "webp", quality=80, save_all=True, append_images=[photo.rotate(180)]),
        "animated-alpha.webp": encoded(clear, "webp", lossless=True, save_all=True, append_images=[clear.rotate(180)]),
        "rgb.bmp": encoded(noise, "bmp"), "grey.bmp": encoded(noise.convert("L"), "bmp"),
        "palette.bmp": encoded(noise.quantize(16), "bmp"), "black.bmp": encoded(noise.convert("1"), "bmp"), **unusual_bmps(),
        "444.avif": encoded(photo, "avif", quality=90, subsampling="4:4:4"), "420.avif": encoded(photo, "avif"),
        "alpha.avif": encoded(clear, "avif", subsampling="4:4:4"), "grey.avif": encoded(photo.convert("L"), "avif"),
    }
    wide = Image.fromarray(np.random.default_rng(6).integers(0, 256, (40, 70, 3), dtype=np.uint8))
    for kind in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        name = kind.removeprefix("tiff_")
        saved[f"rgb-{name}.tif"] = encoded(wide, "tiff", compression=kind)
        saved[f"black-{name}.tif"] = encoded(wide.convert("1"), "tiff", compression=kind)
    for name, image in {
        "grey": photo.convert("L"), "grey-alpha": clear.convert("LA"), "rgba": clear, "palette": noise.quantize(16),
        "cmyk": photo.convert("CMYK"), "float": photo.convert("F"), "ycc": photo.convert("YCbCr"),
    }.items():
        saved[f"{name}.tif"] = encoded(image, "tiff")
    for name, screen in {"inside": (30, 20), "outside": (6, 20)}.items():
        for kind, gif in {"": encoded(noise.quantize(8), "gif"), "-transparent": encoded(noise.quantize(8), "gif", transparency=2)}.items():
            at = gif.index(b"\x2c", 13 + 3 * 8)
            saved[f"{name}{kind}.gif"] = (gif[:6] + struct.pack("<HH", *screen) + gif[10 : at + 1] + struct.pack("<HH", 4, 3) + gif[at + 5 :])
    saved["predictor.tif"] = encoded(photo, "tiff", compression="tiff_lzw", tiffinfo={317: 2})
    saved["strips.tif"] = encoded(wide, "tiff", compression="tiff_lzw", tiffinfo={278: 7})
    saved["jpeg.tif"] = encoded(photo, "tiff", compression="jpeg", quality=90)
    saved["jpeg-grey.tif"] = encoded(photo.convert("L"), "tiff", compression="jpeg")
    saved["jpeg-ycc.tif"] = encoded(photo.convert("YCbCr"), "tiff", compression="jpeg")
    return {**saved, **unusual_tiffs()}


def tiff(order: str, fields: dict[int, tuple[str, tuple]], data: bytes) -> bytes:
    """One directory behind the pixels, whose place is field 273 or 324 of the value 8."""
    kinds = {"H": 3, "L": 4, "B": 1}
    start = 8 + len(data) + len(data) % 2
    entries, more = b"", b""
    behind = start + 2 + 12 * len(fields) + 4
    for tag, (kind, values) in sorted(fields.items()):
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(packed) > 4:
            packed, more = struct.pack(f"{order}L", behind + len(more)), more + packed
        entries += struct.pack(f"{order}HHL", tag, kinds[kind], len(values)) + packed.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HL", 42, start)
    return (head + data).ljust(start, b"\0") + struct.pack(f"{order}H", len(fields)) + entries + bytes(4) + more


def unusual_tiffs() -> dict[str, bytes]:
    draw = np.random.default_rng(7)
    bits = lambda n: draw.integers(0, 256, n, dtype=np.uint8).tobytes()
    width, height = 21, 10

    def plain(samples: int, size: int, photometric: int, order: str = "<", **more) -> bytes:
        row = (width * samples * size + 7) // 8
        fields = {256: ("H", (width,)), 257: ("H", (height,)), 258: ("H", (size,) * samples), 259: ("H", (1,)),
                  262: ("H", (photometric,)), 273: ("L", (8,)), 277: ("H", (samples,)), 278: ("H", (height,)),
                  279: ("L", (row * height,)), **{int(tag[1:]): value for tag, value in more.items()}}
        return tiff(order, fields, bits(row * height))

    tiles = {256: ("H", (width,)), 257: ("H", (height,)), 258: ("H", (8, 8, 8)), 262: ("H", (2,)), 277: ("H", (3,)),
             322: ("H", (16,)), 323: ("H", (16,)), 324: ("L", (8, 8 + 768)), 325: ("L", (768, 768))}
    planes = {273: ("L", (8, 8 + width * height, 8 + 2 * width * height)), 279: ("L", (width * height,) * 3), 284: ("H", (2,))}
    colours = ("H", tuple(int(v) for v in draw.integers(0, 65536, 48)))
    return {
        "white-is-zero.tif": plain(1, 8, 0), "grey2.tif": plain(1, 2, 1), "grey4.tif": plain(1, 4, 0),
        "palette4.tif": plain(1, 4, 3, t320=colours), "big-endian.tif": plain(3, 8, 2, ">"),
        "rgb16.tif": plain(3, 16, 2), "rgb16-big-endian.tif": plain(3, 16, 2, ">"), "rgba16.tif": plain(4, 16, 2, t338=("H", (2,))),
        "cmyk16.tif": plain(4, 16, 5, ">"), "unused.tif": plain(4, 8, 2, t338=("H", (0,))), "premultiplied.tif": plain(4, 8, 2, t338=("H", (1,))),
        "tiles.tif": tiff("<", tiles, bits(2 * 768)), "planes.tif": plain(3, 8, 2, **{f"t{tag}": value for tag, value in planes.items()}),
        "grey16.tif": plain(1, 16, 1), "grey16-big-endian.tif": plain(1, 16, 1, ">"),
        **{f"orientation-{n}.tif": plain(3, 8, 2, t274=("H", (n,))) for n in range(1, 9)},
        "xmp.tif": plain(3, 8, 2, t700=("B", tuple(b'tiff:Orientation="6"'))),
    }


def exif_block(kind: int, count: int, value: bytes, more: bytes = b"", order: str = "<", again: int | None = None) -> bytes:
    """EXIF whose one field, or first of two, is the orientation, of any type."""
    fields = struct.pack(f"{order}HHL", 0x0112, kind, count) + value.ljust(4, b"\0")
    if again is not None:
        fields += struct.pack(f"{order}HHLHH", 0x0112, 3, 1, again, 0)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8)
    return head + struct.pack(f"{order}H", len(fields) // 12) + fields + bytes(4) + more


def turned(photo: Image.Image) -> dict[str, bytes]:
    """Orientations wherever Pillow looks for them, and of any type."""
    jpeg, webp = encoded(photo, "jpeg", quality=60), encoded(photo, "webp", quality=60, exif=b"Exif\0\0" + exif_block(3, 1, b"\6\0"))
    segment = lambda data: b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
    within = lambda *blocks: jpeg[:2] + b"".join(map(segment, blocks)) + jpeg[2:]
    exif = lambda *rest, **named: b"Exif\0\0" + exif_block(*rest, **named)
    xmp = lambda text: b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + text + b"</x:xmpmeta>"
    whole = exif(12, 1, struct.pack("<L", 26), struct.pack("<d", 6))
    far = struct.pack("<L", 26)
    text = lambda kind, data: chunk(kind, data)
    png = encoded(photo, "png")
    with_png = lambda *chunks: png[:33] + b"".join(chunks) + png[33:]
    attribute = b'<x tiff:Orientation="6"/>'
    profile = ("\nexif\n%8d\n" % (6 + 26)).encode() + (b"Exif\0\0" + exif_block(3, 1, b"\6\0")).hex().encode() + b"\n"
    exifs = {n: Image.Exif() for n in range(1, 9)}
    for n, block in exifs.items():
        block[0x0112] = n
    return {
        "xmp.jpg": within(xmp(attribute)), "xmp-element.jpg": within(xmp(b"<tiff:Orientation>8</tiff:Orientation>")),
        "xmp-single-quotes.jpg": within(xmp(b"<x tiff:Orientation='6'/>")), "xmp-and-exif.jpg": within(xmp(attribute), exif(3, 1, b"\3\0")),
        "two-xmp.jpg": within(xmp(attribute), xmp(b'<x tiff:Orientation="3"/>')),
        "exif-long.jpg": within(exif(4, 1, b"\6\0\0\0")), "exif-signed.jpg": within(exif(9, 1, b"\6\0\0\0")),
        "exif-signed-short.jpg": within(exif(8, 1, b"\6\0")), "exif-signed-byte.jpg": within(exif(6, 1, b"\6")),
        "exif-byte.jpg": within(exif(1, 1, b"\6"), xmp(attribute)), "exif-opaque.jpg": within(exif(7, 1, b"\6")),
        "exif-text.jpg": within(exif(2, 2, b"6\0")), "exif-rational.jpg": within(exif(5, 1, far, struct.pack("<LL", 12, 2))),
        "exif-signed-rational.jpg": within(exif(10, 1, far, struct.pack("<ll", -6, -1))),
        "exif-half.jpg": within(exif(5, 1, far, struct.pack("<LL", 13, 2))),
        "exif-float.jpg": within(exif(11, 1, struct.pack("<f", 6))), "exif-double.jpg": within(whole),
        "exif-8-bytes.jpg": within(exif(16, 1, far, struct.pack("<Q", 6))), "exif-ifd.jpg": within(exif(13, 1, b"\6\0\0\0")),
        "exif-several.jpg": within(exif(3, 2, struct.pack("<HH", 6, 8))), "exif-none.jpg": within(exif(3, 0, b"\6\0"), xmp(attribute)),
        "exif-nine.jpg": within(exif(3, 1, b"\x09\0"), xmp(attribute)), "exif-twice.jpg": within(exif(3, 1, b"\6\0", again=8)),
        "exif-far.jpg": within(exif(5, 1, struct.pack("<L", 9999), again=8)), "exif-unknown-type.jpg": within(exif(99, 1, b"\6\0", again=8)),
        "exif-big-endian.jpg": within(exif(3, 1, b"\0\6", order=">")), "exif-long-big-endian.jpg": within(exif(4, 1, b"\0\0\0\6", order=">")),
        "exif-in-two.jpg": within(whole[:30], b"Exif\0\0" + whole[30:]), "exif-twice-marked.jpg": within(b"Exif\0\0" + exif(3, 1, b"\6\0")),
        "exif.png": with_png(chunk(b"eXIf", exif_block(4, 1, b"\6\0\0\0"))),
        "exif-at-the-end.png": png[:-12] + chunk(b"eXIf", exif_block(3, 1, b"\6\0")) + png[-12:],
        "raw-profile.png": with_png(text(b"tEXt", b"Raw profile type exif\0" + profile)),
        "raw-profile-packed.png": with_png(text(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile))),
        "xmp.png": with_png(text(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + attribute)),
        "xmp-packed.png": with_png(text(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(attribute))),
        "exif.webp": webp, "xmp.webp": encoded(photo, "webp", quality=60, xmp=attribute),
        **{f"orientation-{n}.avif": encoded(photo, "avif", subsampling="4:4:4", exif=block) for n, block in exifs.items()},
        "xmp.avif": encoded(photo, "avif", subsampling="4:4:4", xmp=attribute),
    }


def unmarked(photo: Image.Image) -> dict[str, bytes]:
    """CMYK of programs that do not say so as Adobe does."""
    cmyk = encoded(photo.convert("CMYK"), "jpeg", quality=95, subsampling=0)
    at = cmyk.index(b"\xff\xee")
    return {"cmyk-unmarked.jpg": cmyk[:at] + cmyk[at + 2 + struct.unpack(">H", cmyk[at + 2 : at + 4])[0] :]}


EVERY = 11  # of what files hold every so manyth number is kept, no factor of their sides


def part(data: np.ndarray) -> str:
    assert all(side % EVERY for side in data.shape), data.shape
    return b64(np.ascontiguousarray(data).reshape(-1)[::EVERY].tobytes())


def kept(image: Image.Image) -> dict:
    return {**pixels(image), "data": part(np.asarray(image))}


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
        if name.startswith("grey16"):  # Pillow clips 16 bits to 8, which leaves nothing of an image; its upper bytes are meant
            upper = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            cases.append({**case, "rgb": kept(upper.convert("RGB"))})
            continue
        case["rgb"] = kept(image.convert("RGB"))
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info and image.mode == "P":
            case["alpha"] = part(np.asarray(image.convert("RGBA").getchannel("A")))
        loaded = load_image(str(path))
        case["tensor"] = part(processor.preprocess(loaded, height=7, width=10).numpy())
        case["grey"] = part(grey.preprocess(loaded, height=7, width=10).numpy())
        cases.append(case)
    return cases


def main(seed: int, count: int) -> None:
    draw = np.random.default_rng(seed)
    golden = {
        "versions": {"pillow": PIL.__version__, "numpy": np.__version__, "diffusers": diffusers.__version__, "torch": torch.__version__},
        "command": COMMAND,
        "resizes": resizes(draw, count), "floatResizes": float_resizes(draw, count // 2), "blurs": blurs(draw, count // 2),
        "conversions": conversions(draw), "crops": crops(draw), "tensors": tensors(draw),
        "paintings": paintings(draw, 12), "files": write_files(draw), "every": EVERY, "reductions": reductions(np.random.default_rng(seed), 24),
    }
    (TESTDATA / "goldens.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    seed, count = [int(value) for value in [*sys.argv[1:], *["0", "36"][len(sys.argv) - 1 :]]]
    main(seed, count)
