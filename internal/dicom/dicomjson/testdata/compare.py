"""Reads the DICOM JSON models named on standard input, "FILE<tab>JSON" a line, and tells where pydicom finds something else in
them than in the files. The last line says how many were compared."""

import logging
import sys
import warnings

import pydicom
import pydicom.config

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
pydicom.config.replace_un_with_known_vr = False  # the VR that is in the file

PIXEL_DATA = 0x7FE00010
CHARACTER_SET = 0x00080005


def plain(element):
    """The value without the freedoms that PS3.18 F.2 leaves: padding, empty parts of names, no value."""
    value = element.value
    if value is None:
        return ""
    if element.VR == "PN":
        names = [value] if isinstance(value, (str, pydicom.valuerep.PersonName)) else list(value)
        return ["=".join(group.rstrip("^ ") for group in str(name).split("=")).rstrip("=") for name in names if str(name).strip("^= ")]
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, str):
        return value.strip(" \0")
    if isinstance(value, (list, pydicom.multival.MultiValue)):
        values = [v.strip(" \0") if isinstance(v, str) else v for v in value]
        while values and values[-1] in ("", None):
            values.pop()
        return values
    return value


def empty(value):
    return value in ("", b"", []) or value is None


def swapped(words):
    """The model has words in little endian; pydicom leaves those of a file as they are."""
    turned = bytearray(words)
    turned[0::2], turned[1::2] = words[1::2], words[0::2]
    return bytes(turned)


def compare(file, model, path, big_endian):
    for tag in {e.tag for e in file} | {e.tag for e in model}:
        name = path + str(tag)
        if tag.element == 0 or tag == CHARACTER_SET or tag == 0xFFFCFFFC:
            continue
        if tag not in model:
            if not (tag == PIXEL_DATA and file[tag].is_undefined_length):
                yield f"{name} is missing"
            continue
        if tag not in file:
            yield f"{name} is not in the file"
            continue
        there, here = file[tag], model[tag]
        if there.VR != here.VR:
            yield f"{name} has VR {here.VR}, the file {there.VR}"
        elif there.VR == "SQ":
            if len(there.value) != len(here.value):
                yield f"{name} has {len(here.value)} items, the file {len(there.value)}"
                continue
            for i, (f, m) in enumerate(zip(there.value, here.value)):
                yield from compare(f, m, f"{name}[{i}].", big_endian)
        else:
            a, b = plain(there), plain(here)
            if there.VR == "OW" and big_endian:
                a = swapped(a)
            if a != b and not (empty(a) and empty(b)):
                yield f"{name} {there.VR} is {str(b)[:80]!r}, in the file {str(a)[:80]!r}"


def main():
    compared = 0
    for line in sys.stdin:
        name, model = line.rstrip("\n").split("\t")
        try:
            file = pydicom.dcmread(name, force=True)
            file.decode()
            str(file)
        except Exception as e:
            print(f"# pydicom cannot read {name}: {e!r}")
            continue
        try:
            with open(model, encoding="utf-8") as f:
                big_endian = not file.is_little_endian
                differences = list(compare(file, pydicom.Dataset.from_json(f.read()), "", big_endian))
        except Exception as e:
            differences = [repr(e)]
        compared += 1
        for difference in differences:
            print(f"{name}: {difference}")
    print(f"# {compared} compared")


main()
