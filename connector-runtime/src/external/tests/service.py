"""An external service: signature, schema, health and three commands."""
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET, SCHEMA = sys.argv[1].encode(), json.loads(sys.argv[2])


def is_signed(header, body):
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(SECRET, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"]) and abs(time.time() - int(parts["t"])) < 300


def execute(call):
    assert call["protocolVersion"] == "2.0" and call["config"]["apiKey"]
    assert call["variables"] == {"project_id": "proj-1"} and call["metadata"]["runId"] == "run-123"
    assert 0 < call["metadata"]["timeout"] <= 30000 and call["metadata"]["idempotencyKey"]
    if call["command"] == "list":
        users = list(range(call["params"]["limit"]))
        payload = {"users": users, "region": call["config"]["region"]}
        return 200, {"success": True, "payload": payload, "variables": {"userCount": len(users)}}
    if call["command"] == "add":
        error = "refused pin " + call["params"]["pin"]
        return 409, {"success": False, "error": error, "diagnostics": {"statusCode": 409}}
    return 200, {"success": True, "data": {}, "outputVariables": {}}


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        known = {"/schema": {"name": "python", "version": "1.0.0", "configSchema": SCHEMA}, "/health": {"ok": True}}
        self.answer(200 if self.path in known else 404, known.get(self.path, {}))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/execute" or not is_signed(self.headers["x-floh-signature"], body):
            return self.answer(401, {"message": "not signed"})
        self.answer(*execute(json.loads(body)))

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Service)
print(server.server_port, flush=True)
server.serve_forever()
