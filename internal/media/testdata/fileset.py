"""Reads a medium with pydicom: every instance of its DICOMDIR is loaded, and the records above it are compared with it. What an
object lacks its records may have; what it has they have, too. The last line says how many there were."""

import logging
import sys
import warnings

from pydicom.fileset import FileSet

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

UIDS = {0x0020000D, 0x0020000E}


def empty(element):
    return element.value in ("", b"", None) or element.VR in ("SQ", "PN") and not str(element.value).strip("[]^= ")


def main(path):
    instances = 0
    for instance in FileSet(path):
        instances += 1
        file = instance.load()
        name = f"{'/'.join(instance.ReferencedFileID)} ({instance.SOPInstanceUID})"
        if file.SOPInstanceUID != instance.SOPInstanceUID or file.SOPClassUID != instance.SOPClassUID:
            print(f"{name} is another object: {file.SOPInstanceUID}")
        if file.file_meta.TransferSyntaxUID != instance.ReferencedTransferSyntaxUIDInFile:
            print(f"{name} is in {file.file_meta.TransferSyntaxUID.name}")
        kinds = []
        for node in [instance.node, *instance.node.ancestors]:
            record = node._record
            kinds.append(record.DirectoryRecordType)
            for element in record:
                if element.tag.group == 4 or element.tag == 0x00080005:
                    continue
                there = file.get(element.tag)
                if there is None or empty(there):
                    if element.tag in UIDS:
                        print(f"{name}: {element.keyword} is made up")
                elif str(there.value).rstrip() != str(element.value).rstrip():
                    print(f"{name}: {element.keyword} is {element.value!r} in its {record.DirectoryRecordType} record, {there.value!r} in the file")
        if kinds[1:] != ["SERIES", "STUDY", "PATIENT"]:
            print(f"{name}: the records above it are {kinds}")
    print(f"# {instances} instances")


main(sys.argv[1])
