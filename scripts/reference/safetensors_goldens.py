"""Which headers of safetensors files the reference reader accepts, and what it reads in them.

    .reference/bin/python scripts/reference/safetensors_goldens.py

The first cases are written by hand; the rest are the headers of valid files with random changes.
"""

import json
import pathlib
import random
import struct
import tempfile

import safetensors

OUT = pathlib.Path("plugins/foundations/safetensors/testdata/headers.json")
ENTRY = '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
TYPES = "BOOL F4 F6_E2M3 F6_E3M2 U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I16 U16 F16"
TYPES = [*TYPES.split(), *"BF16 I32 U32 F32 C64 F64 I64 U64 C128 F128 bool f32 U4 I4".split()]
BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F16": 16, "F32": 32}


def entry(**members):
    whole = {"dtype": '"U8"', "shape": "[1]", "data_offsets": "[0,1]", **members}
    return '{"a":{%s}}' % ",".join(f'"{name}":{value}' for name, value in whole.items())


def by_hand():
    a = ENTRY
    other = '"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}'
    yield from [(f" \n\t\r{{{a}}}", 1), (f"{{{a}}}\n  ", 1), (f"{{{a}}}\0", 1), (f"\ufeff{{{a}}}", 1)]
    yield from [(f"{{{a},{a}}}", 1), (f"{{{a},{other}}}", 2), (f"{{{other},{a}}}", 1)]
    yield '{"a":{"dtype":"U8x","shape":[2],"data_offsets":[0,2]},%s}' % a, 1
    yield '{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1
    yield from [(entry(x='{"y":[1.5,null,true,"\\n"]}'), 1), (entry(x="1e999"), 1)]
    yield '{"a":{"dtype":"U8","x":1,"x":2,"shape":[1],"data_offsets":[0,1]}}', 1
    yield '{"a":{"dtype":"U8","shape":[1]}}', 1
    yield from [(f'{{"a":{text}}}', 1) for text in ("1", "null", "[]", '["U8",[1],[0,1]]')]
    yield '{"a":["U8",[1],[0,1],3]}', 1
    for shape in ("[1.0]", "[1e0]", "[-1]", "[0.5]", "1", "null", '["1"]', "[01]", "[1,]", "[[1]]"):
        yield entry(shape=shape), 1
    for shape in ("[-0]", "[0,9223372036854775808]", "[9223372036854775808,2,0]", "[0,7]", "[00]"):
        yield entry(shape=shape, data_offsets="[0,0]"), 0
    for size in (2**53, 2**63, 2**64 - 1, 2**64):
        yield entry(dtype='"F32"', shape=f"[0,{size}]", data_offsets="[0,0]"), 0
        yield entry(dtype='"F32"', shape=f"[{size},0]", data_offsets="[0,0]"), 0
    for offsets in ("[0.0,1]", "[-0,1]", "[0,1,2]", "[0]", "[]", '{"0":0,"1":1}', "[1,0]", "[0,2]"):
        yield entry(data_offsets=offsets), 1
    for dtype in ('{"U8":null}', '{"U8":1}', '{"U8":null,"I8":null}', "{}", '["U8"]', "0", "null"):
        yield entry(dtype=dtype), 1
    for text in ("null", "[]", '{"a":1}', '{"a":null}', '{"a":"1","a":"2"}', '{"a":"\\ud800"}', "{}", "3"):
        yield '{"__metadata__":%s,%s}' % (text, a), 1
    yield '{"__metadata__":{"a":"1"},"__metadata__":{"a":"2"},%s}' % a, 1
    yield '{%s,"__metadata__":{"é":"\\u00e9"}}' % a, 1
    for name in ("\\ud800", "\\ud83d\\ude00", "\\u0061", "__proto__", "", "constructor", "a\nb", "\\x"):
        yield a.join("{}").replace('"a"', f'"{name}"'), 1
    for depth in (120, 124, 125, 126, 127, 128, 200):
        yield entry(x="[" * depth + "]" * depth), 1
    yield from [("{}", 0), ("{}", 1), ("[]", 0), ("null", 0), ('"a"', 0), ("", 0), ("{", 0), ("{}}", 0)]
    yield from [(entry(shape="[1]", data_offsets="[1,2]"), 2), (f"{{{a}}}", 2), (f"{{{a}}}", 0)]
    empty = '"%s":{"dtype":"U8","shape":[0],"data_offsets":[%d,%d]}'
    yield "{%s,%s,%s}" % (empty % ("b", 0, 0), a, empty % ("c", 1, 1)), 1
    yield '{%s,"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}' % a, 1
    yield '{%s,"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}' % a, 3
    for dtype in TYPES:
        for size in (2, 3, 4, 8, 16, 32):
            yield entry(dtype=f'"{dtype}"', shape="[4]", data_offsets=f"[0,{size}]"), size


def at_random(count):
    rng = random.Random(0)
    for _ in range(count):
        entries, place = {}, 0
        if rng.random() < 0.3:
            entries["__metadata__"] = {"format": "pt"}
        for i in range(rng.randrange(1, 4)):
            dtype = rng.choice(list(BITS))
            shape = [rng.randrange(0, 4) for _ in range(rng.randrange(3))] + [4]
            size = BITS[dtype]
            for n in shape:
                size *= n
            entries[f"t{i}"] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place + size // 8]}
            place += size // 8
        text = list(json.dumps(entries, separators=rng.choice([(",", ":"), (", ", ": ")])))
        for _ in range(rng.randrange(3)):
            at = rng.randrange(len(text))
            text[at] = rng.choice(["", text[at] * 2, rng.choice('0123456789-.e{}[],:" tU8')])
        yield "".join(text), place


def read(path, header, size):
    data = header.encode()
    path.write_bytes(struct.pack("<Q", len(data)) + data + bytes(size))
    try:
        with safetensors.safe_open(path, "np") as file:
            tensors = {
                name: [file.get_slice(name).get_dtype(), [str(n) for n in file.get_slice(name).get_shape()]]
                for name in sorted(file.keys())
            }
            return {"tensors": tensors, "metadata": file.metadata() or {}}
    except safetensors.SafetensorError:
        return None


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.safetensors"
        cases = [
            {"header": header, "size": size, "read": read(path, header, size)}
            for header, size in [*by_hand(), *at_random(250)]
        ]
    OUT.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(case) for case in cases)
    OUT.write_text(f'{{"safetensors":"{safetensors.__version__}","cases":[\n{lines}\n]}}\n')
    print(len(cases), sum(case["read"] is not None for case in cases))


main()
