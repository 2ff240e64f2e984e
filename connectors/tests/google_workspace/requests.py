"""Prints the requests that Google's own client makes: one JSON line for each call that stdin lists, as [method id, arguments]."""

import json
import sys

import httplib2
from googleapiclient.discovery import build

service = build("admin", "directory_v1", http=httplib2.Http(), static_discovery=True, cache_discovery=False)
for name, arguments in json.load(sys.stdin):
    resource = service
    *path, method = name.split(".")
    for part in path:
        resource = getattr(resource, part)()
    request = getattr(resource, method)(**arguments)
    body = json.loads(request.body) if request.body else None
    print(json.dumps({"method": request.method, "uri": request.uri, "body": body}), flush=True)
