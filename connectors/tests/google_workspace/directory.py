"""A Directory API made from Google's own description of it, on a free port of loopback.

It knows paths, parameters, enums and the names and types of bodies from the description, and answers 400 to whatever does not
fit. Tokens are given for assertions that Google's library verifies. Pages have two items. POST /faults sets the faults of the
next requests: {"status", "reason", "message", "headers", "apply"}.
"""

import http.server
import json
import re
import sys
import threading
import urllib.parse

from cryptography.hazmat.primitives import serialization
from google.auth import jwt
from googleapiclient import discovery_cache

NAME = "admin.directory_v1.json"
DOCUMENT = json.load(open(discovery_cache.__path__[0] + "/documents/" + NAME, encoding="utf-8"))
SCHEMAS = DOCUMENT["schemas"]
KEY = json.load(open(sys.argv[1], encoding="utf-8"))
PRIVATE = serialization.load_pem_private_key(KEY["private_key"].encode(), None)
PUBLIC = PRIVATE.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
TOKENS, FAULTS, STORE, LOCK = set(), [], {}, threading.Lock()


def methods(resource):
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods(inner)


def pattern(method):
    out = ""
    for part in re.split(r"(\{\+?\w+\})", method["path"]):
        name = part.strip("{}+")
        if part.startswith("{"):
            own = method["parameters"][name].get("pattern", ".+").strip("^$") if part.startswith("{+") else "[^/:]+"
            out += f"(?P<{name}>{own})"
        else:
            out += re.escape(part)
    return re.compile("^/" + out + "$")


METHODS = [(m, pattern(m)) for m in methods(DOCUMENT)]
METHODS.sort(key=lambda pair: pair[0]["path"].count("{"))


class Refused(Exception):
    def __init__(self, status, reason, message):
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def check(schema, value, where):
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"]]
    kind = schema.get("type")
    if value is None or kind == "any":
        return
    kinds = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict}
    fits = isinstance(value, kinds[kind]) and (kind in ("boolean",) or not isinstance(value, bool))
    if not fits:
        raise Refused(400, "invalid", f"{where} is not {kind}")
    if "enum" in schema and value not in schema["enum"]:
        raise Refused(400, "invalid", f"{where} is none of its values")
    if kind == "array":
        for item in value:
            check(schema["items"], item, where)
    if kind == "object":
        for name, inner in value.items():
            known = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if known is None:
                raise Refused(400, "invalid", f"{where} has no {name}")
            check(known, inner, f"{where}.{name}")


def find(kind, key):
    for item in STORE.setdefault(kind, []):
        if key in (item.get("id"), item.get("primaryEmail"), item.get("email"), item.get("orgUnitPath")):
            return item
    raise Refused(404, "notFound", f"Resource Not Found: {kind}")


def merge(item, changes):
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(item.get(name), dict):
            merge(item[name], value)
        elif value is None:
            item.pop(name, None)
        else:
            item[name] = value


def perform(method, path, query, body):
    resource, verb = method["id"].split(".")[-2:]
    kind = resource
    if resource == "members":
        group = find("groups", path["groupKey"])
        kind = "members of " + group["id"]
    key = path.get({"members": "memberKey", "groups": "groupKey", "users": "userKey"}.get(resource, "orgUnitPath"), "")
    items = STORE.setdefault(kind, [])
    if resource == "orgunits":
        key = "/" + key
    if verb == "list":
        name = "organizationUnits" if resource == "orgunits" else resource
        if resource in ("users", "groups") and not any(query.get(n) for n in ("customer", "domain", "userKey")):
            raise Refused(400, "badRequest", "Bad Request")
        if resource == "orgunits":
            return {name: items} if items else {}
        first = int(query.get("pageToken", "0"))
        page = items[first:first + 2]
        more = {"nextPageToken": str(first + 2)} if first + 2 < len(items) else {}
        return {**({name: page} if page else {}), **more}
    if verb == "insert":
        if resource == "orgunits":
            body["orgUnitPath"] = body["parentOrgUnitPath"].rstrip("/") + "/" + body["name"]
        address = body.get("primaryEmail") or body.get("email") or body.get("orgUnitPath") or body.get("id")
        if any(address in (i.get("primaryEmail"), i.get("email"), i.get("orgUnitPath"), i.get("id")) for i in items):
            raise Refused(409, "duplicate", "Entity already exists.")
        item = {**{k: v for k, v in body.items() if k != "password"}, "id": str(1000 + len(items))}
        items.append(item)
        return item
    if verb == "get":
        return find(kind, key)
    if verb == "patch":
        item = find(kind, key)
        merge(item, {k: v for k, v in body.items() if k != "password"})
        return item
    if verb == "delete":
        items.remove(find(kind, key))
        return None
    if verb == "hasMember":
        return {"isMember": any(path["memberKey"] in (i.get("email"), i.get("id")) for i in items)}
    if verb == "makeAdmin":
        find(kind, key)["isAdmin"] = body["status"]
        return None
    if verb == "signOut":
        find(kind, key)
        return None
    raise Refused(501, "notImplemented", method["id"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave together: the second of two small packets would wait for an acknowledgement.
    wbufsize = 65536

    def answer(self, status, body, headers=()):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(204 if body is None and status == 200 else status)
        self.send_header("content-length", str(len(data)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, refused, headers=()):
        error = {"message": refused.message, "domain": "global", "reason": refused.reason}
        self.answer(refused.status, {"error": {"code": refused.status, "message": refused.message, "errors": [error]}}, headers)

    def token(self, text):
        form = dict(urllib.parse.parse_qsl(text))
        try:
            claims = jwt.decode(form["assertion"], certs={KEY["private_key_id"]: PUBLIC})
        except Exception as error:  # Whatever it is: the assertion is none.
            return self.answer(400, {"error": "invalid_grant", "error_description": type(error).__name__})
        right = claims["iss"] == KEY["client_email"] and claims["aud"] == f"http://{self.headers['host']}/token"
        if not right or claims["exp"] - claims["iat"] != 3600 or not claims["scope"] or "sub" not in claims:
            return self.answer(400, {"error": "invalid_grant", "error_description": "Invalid claims"})
        token = f"token-of-the-tests-{len(TOKENS)}"
        TOKENS.add("Bearer " + token)
        return self.answer(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def directory(self, text):
        path, _, query = self.path.partition("?")
        for method, regex in METHODS:
            match = regex.match(path)
            if match and method["httpMethod"] == self.command:
                break
        else:
            raise Refused(404, "notFound", "Not Found")
        found = {k: urllib.parse.unquote(v) for k, v in match.groupdict().items()}
        pairs = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        known = {**DOCUMENT["parameters"], **method.get("parameters", {})}
        for name, value in pairs.items():
            parameter = known.get(name)
            if parameter is None or parameter.get("location") == "path":
                raise Refused(400, "invalidParameter", f"There is no parameter {name}")
            if "enum" in parameter and value not in parameter["enum"]:
                raise Refused(400, "invalidParameter", f"{value} is no value of {name}")
            if parameter["type"] == "integer":
                low, high = int(parameter.get("minimum", 0)), int(parameter.get("maximum", 2**31))
                if not value.isdigit() or not low <= int(value) <= high:
                    raise Refused(400, "invalidParameter", f"{name} is out of range")
            if parameter["type"] == "boolean" and value not in ("true", "false"):
                raise Refused(400, "invalidParameter", f"{name} is not a boolean")
        body = json.loads(text) if text else None
        if (body is not None) != ("request" in method):
            raise Refused(400, "parseError", "a body is missing, or too much")
        if body is not None:
            check(method["request"], body, "body")
        return perform(method, found, pairs, body)

    def handle_any(self):
        text = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        with LOCK:
            if self.path == "/token":
                return self.token(text)
            if self.path == "/faults":
                FAULTS.extend(json.loads(text))
                return self.answer(200, {"left": len(FAULTS)})
            if self.path == "/fill":
                for kind, items in json.loads(text).items():
                    STORE.setdefault(kind, []).extend(items)
                return self.answer(200, {})
            if self.headers.get("authorization") not in TOKENS:
                return self.refuse(Refused(401, "authError", "Invalid Credentials"))
            fault = FAULTS.pop(0) if FAULTS else None
            try:
                done = self.directory(text) if fault is None or fault.get("apply") else None
            except Refused as refused:
                return self.refuse(refused)
            if fault and fault["status"] != 200:
                return self.refuse(Refused(fault["status"], fault["reason"], fault["message"]), fault.get("headers", {}))
            return self.answer(200, done)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
