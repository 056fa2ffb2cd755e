#!/usr/bin/env python3
"""Cuts the first images off the four Fashion-MNIST files, for the samples and tests.

    eng/make-fashion-subset.py FOLDER-WITH-THE-FULL-FILES [TARGET-FOLDER]

The full files are those of https://github.com/zalandoresearch/fashion-mnist (Debian: dataset-fashion-mnist). Each must have
the content whose SHA-256 is below. The output holds no time stamp or file name, so a second run with the same zlib writes the
same bytes.
"""
import gzip
import hashlib
import io
import pathlib
import struct
import sys

TRAIN, TEST = 10_000, 2_000

# name: (images kept, dimensions, SHA-256 of the uncompressed full file)
FILES = {
    "train-images-idx3-ubyte": (TRAIN, 3, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    "train-labels-idx1-ubyte": (TRAIN, 1, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    "t10k-images-idx3-ubyte": (TEST, 3, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    "t10k-labels-idx1-ubyte": (TEST, 1, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
}


def cut(data: bytes, count: int, dimensions: int) -> bytes:
    """The first `count` entries of an idx file of unsigned bytes."""
    magic, total, *rest = struct.unpack_from(f">{1 + dimensions}I", data)
    if magic != 0x800 + dimensions or total < count:
        raise SystemExit(f"not an idx file of {dimensions} dimensions with at least {count} entries")
    header = 4 * (1 + dimensions)
    entry = 1
    for size in rest:
        entry *= size
    return struct.pack(f">{1 + dimensions}I", magic, count, *rest) + data[header:header + count * entry]


def compress(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as stream:
        stream.write(data)
    return buffer.getvalue()


def main() -> None:
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    source = pathlib.Path(sys.argv[1])
    default = pathlib.Path(__file__).resolve().parent.parent / "samples/Ardir.Samples/Data/fashion-mnist"
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else default
    target.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, (count, dimensions, expected) in FILES.items():
        full = gzip.decompress((source / f"{name}.gz").read_bytes())
        found = hashlib.sha256(full).hexdigest()
        if found != expected:
            raise SystemExit(f"{name}: SHA-256 is {found}, expected {expected}")
        packed = compress(cut(full, count, dimensions))
        (target / f"{name}.gz").write_bytes(packed)
        total += len(packed)
        print(f"{name}.gz: {count} entries, {len(packed)} bytes")
    print(f"{total} bytes in all")


if __name__ == "__main__":
    main()
