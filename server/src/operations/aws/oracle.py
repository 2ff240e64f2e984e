"""Signs requests with botocore: reads a list of requests as JSON, writes the value of Authorization of each."""
import datetime
import hashlib
import json
import sys

import botocore.auth
import botocore.awsrequest
import botocore.credentials


def sign(case):
    at = datetime.datetime.strptime(case["at"], "%Y%m%dT%H%M%SZ")
    if not hasattr(botocore.auth, "get_current_datetime"):
        sys.exit("this release of botocore has another clock than the test sets")
    botocore.auth.get_current_datetime = lambda *_, **__: at
    credentials = botocore.credentials.Credentials(case["key"], case["secret"], case["token"] or None)
    kind = botocore.auth.S3SigV4Auth if case["service"] == "s3" else botocore.auth.SigV4Auth
    body = case["body"].encode()
    headers = {**case["headers"], "X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}
    request = botocore.awsrequest.AWSRequest(case["method"], case["url"], headers=headers, data=body)
    request.context["payload_signing_enabled"] = True
    kind(credentials, case["service"], case["region"]).add_auth(request)
    return request.headers["Authorization"]


json.dump([sign(case) for case in json.load(sys.stdin)], sys.stdout)
