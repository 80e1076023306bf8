"""Talks to a server with Orthanc's REST API as pyorthanc and orthanc-api-client do, and prints what it got.

client.py URL SAMPLES SINK: SAMPLES is a folder of DICOM files, SINK the DICOM port of a peer called GANTRY. Each line of
the output is a step as JSON.
"""
import io
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

base, samples, sink = sys.argv[1:4]


def call(method, path, body=None, params=None, headers=None):
    """One request, as httpx and requests make it."""
    url = base + urllib.parse.quote(path)
    if params:
        url += "?" + urllib.parse.urlencode({k: "true" if v is True else v for k, v in params.items()})
    headers = dict(headers or {})
    if isinstance(body, (dict, list)):
        body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    elif isinstance(body, str):
        body = body.encode()
    rq = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(rq, timeout=30) as answer:
            content, kind, status = answer.read(), answer.headers.get("Content-Type") or "", answer.status
    except urllib.error.HTTPError as e:
        content, status = e.read(), e.code
        try:
            message = json.loads(content)["Message"]
        except ValueError:
            message = content.decode("latin-1")
        return {"Failed": status, "Message": message}
    if "application/json" in kind:
        return json.loads(content)
    if kind.startswith("text/"):
        return content.decode()
    return content


def tell(step, result):
    if isinstance(result, bytes):
        result = {"Bytes": len(result)}
    print(json.dumps({"Step": step, "Result": result}))
    return result


def upload():
    ids = []
    for name in ["CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "waveform_ecg.dcm", "test-SR.dcm"]:
        with open(os.path.join(samples, name), "rb") as f:
            stored = tell("upload " + name, call("POST", "/instances", f.read(), headers={"Content-Type": "application/dicom"}))
            ids.append(stored["ID"])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        for name in ["CT_small.dcm", "rtdose.dcm", "LICENSE"]:
            z.write(os.path.join(samples, name), name)
    tell("upload zip", call("POST", "/instances", archive.getvalue(), headers={"Content-Type": "application/octet-stream"}))
    return ids


def resources():
    for level in ["patients", "studies", "series", "instances"]:
        all_ids = sorted(tell("list " + level, call("GET", "/" + level)))
        tell("expand " + level, call("GET", "/" + level, params={"expand": True}))
        tell("window " + level, len(call("GET", "/" + level, params={"expand": "", "since": 1, "limit": 2})))
        for identifier in all_ids[:2]:
            path = "/%s/%s" % (level, identifier)
            one = tell("one of " + level, call("GET", path))
            tell("parents", [one.get("Parent" + p) for p in ("Patient", "Study", "Series")])
            tell("shared tags", call("GET", path + "/shared-tags", params={"simplify": True}))
            tell("module", call("GET", path + "/module", params={"simplify": True}))
            tell("statistics", call("GET", path + "/statistics"))
            for name in ["metadata", "labels", "attachments"]:
                tell(name, call("GET", path + "/" + name, params={"expand": True}))
            for below in ["studies", "series", "instances"]:
                tell("below", call("GET", path + "/" + below))
    for question in ["system", "statistics", "modalities", "plugins", "jobs", "tools/labels"]:
        tell(question, call("GET", "/" + question, params={"expand": True} if question in ("modalities", "jobs") else None))


def instance(identifier):
    path = "/instances/" + identifier
    tell("file", call("GET", path + "/file"))
    tell("tags", call("GET", path + "/tags"))
    tell("simplified tags", call("GET", path + "/simplified-tags"))
    tell("content", call("GET", path + "/content/0010-0010"))
    tell("header", call("GET", path + "/header", params={"simplify": True}))
    tell("attachment", call("GET", path + "/attachments/dicom/data"))
    for what in ["size", "md5", "is-compressed", "compressed-size", "compressed-md5", "info"]:
        tell("attachment " + what, call("GET", path + "/attachments/dicom/" + what))
    tell("verify", call("POST", path + "/attachments/dicom/verify-md5"))


def find():
    for query in [{"PatientName": "*"}, {"PatientID": "1CT1"}, {"StudyDate": "20040101-"}, {"PatientName": "nobody"}, {"ModalitiesInStudy": "CT\\MR"}]:
        for level in ["Patient", "Study", "Series", "Instance"]:
            rq = {"Level": level, "Query": query, "Expand": True, "CaseSensitive": False, "Full": False, "Labels": [], "LabelsConstraint": "All"}
            tell("find %s %s" % (level, json.dumps(query)), call("POST", "/tools/find", rq))
    tell("requested", call("POST", "/tools/find", {"Level": "Study", "Query": {}, "Expand": True,
                           "RequestedTags": ["ModalitiesInStudy", "NumberOfStudyRelatedInstances", "PatientAge"]}))
    tell("content", call("POST", "/tools/find", {"Level": "Series", "Query": {}, "ResponseContent": ["Parent", "RequestedTags", "Labels", "Status"],
                         "RequestedTags": ["PatientName"]}))
    tell("count", call("POST", "/tools/count-resources", {"Level": "Instance", "Query": {}}))
    for text in ["1CT1", "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322", "nobody"]:
        tell("lookup", call("POST", "/tools/lookup", text))


def annotate(identifier):
    path = "/studies/" + identifier
    for label in ["urgent", "to-read"]:
        tell("add label", call("PUT", path + "/labels/" + label))
    tell("labels", call("GET", path + "/labels"))
    tell("by label", call("POST", "/tools/find", {"Level": "Study", "Query": {}, "Labels": ["urgent"], "LabelsConstraint": "Any"}))
    tell("delete label", call("DELETE", path + "/labels/urgent"))
    tell("set metadata", call("PUT", path + "/metadata/1024", "some text"))
    tell("get metadata", call("GET", path + "/metadata/1024"))
    tell("no metadata", call("GET", path + "/metadata/1025"))
    tell("delete metadata", call("DELETE", path + "/metadata/1024"))
    tell("attach", call("PUT", path + "/attachments/1025", b"\0\1\2\3 attached"))
    tell("attachments", call("GET", path + "/attachments"))
    tell("attached", call("GET", path + "/attachments/1025/data"))
    tell("detach", call("DELETE", path + "/attachments/1025"))
    tell("protect", call("PUT", "/patients/" + call("GET", path)["ParentPatient"] + "/protected", "1"))
    tell("unprotect", call("PUT", "/patients/" + call("GET", path)["ParentPatient"] + "/protected", "0"))


def wait(job):
    while True:
        info = call("GET", "/jobs/" + job)
        if info["State"] in ("Success", "Failure"):
            return {k: info[k] for k in ("State", "Type", "ErrorCode", "ErrorDescription", "Progress", "Priority") if k in info}
        time.sleep(0.02)


def send(study):
    tell("declare", call("PUT", "/modalities/sink", {"AET": "GANTRY", "Host": "127.0.0.1", "Port": int(sink), "Manufacturer": "Generic"}))
    tell("configuration", call("GET", "/modalities/sink/configuration").get("AET"))
    tell("echo", call("POST", "/modalities/sink/echo", {}))
    tell("store", call("POST", "/modalities/sink/store", study))
    job = call("POST", "/modalities/sink/store", {"Resources": [study], "Synchronous": False})
    tell("store job", sorted(job))
    tell("stored", wait(job["ID"]))
    tell("withdraw", call("DELETE", "/modalities/sink"))


def archives(study):
    for path in ["/studies/%s/archive" % study, "/studies/%s/media" % study]:
        with zipfile.ZipFile(io.BytesIO(call("GET", path))) as z:
            tell("archive", z.namelist())
    job = call("POST", "/studies/%s/archive" % study, {"Asynchronous": True, "Priority": 1})
    tell("archive job", wait(job["ID"]))
    with zipfile.ZipFile(io.BytesIO(call("GET", "/jobs/%s/archive" % job["ID"]))) as z:
        tell("archive of the job", z.namelist())


def changes():
    since, seen = 0, []
    while True:
        page = call("GET", "/changes", params={"since": since, "limit": 7})
        seen += [[c["ChangeType"], c["ResourceType"], c["ID"], c["Path"]] for c in page["Changes"]]
        since = page["Last"]
        if page["Done"]:
            break
    tell("changes", seen)


def failures():
    for method, path, body in [("GET", "/studies/unknown", None), ("DELETE", "/series/unknown", None), ("POST", "/instances", b"no DICOM"),
                               ("POST", "/tools/find", {"Level": "Nothing", "Query": {}}), ("POST", "/modalities/unknown/echo", {}),
                               ("GET", "/jobs/unknown", None), ("POST", "/jobs/unknown/cancel", {}), ("PUT", "/system", {})]:
        tell("%s %s fails" % (method, path), call(method, path, body))


identifiers = upload()
resources()
for one in identifiers:
    instance(one)
find()
studies = sorted(call("GET", "/studies"))
annotate(studies[0])
send(studies[0])
archives(studies[1])
changes()
failures()
tell("delete", call("DELETE", "/studies/" + studies[0]))
tell("bulk delete", call("POST", "/tools/bulk-delete", {"Resources": [studies[1]]}))
tell("the rest", call("GET", "/statistics"))
