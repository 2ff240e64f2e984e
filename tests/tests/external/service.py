"""An external service as the guide describes it, standard library alone. What it does wrong is asked for by name."""
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCHEMA = {
    "connectionConfig": {"apiKey": {"type": "string", "secret": True, "required": True}},
    "commands": {
        "listUsers": {
            "params": ["limit"],
            "paramSchema": {"limit": {"type": "number", "default": 2}},
            "outputs": ["users"],
        },
        **{name: {} for name in ("refuse", "legacy", "wrongType", "list", "slow", "huge", "redirect", "broken")},
    },
}
TELLS = os.environ.get("SERVICE_TELLS_NO_SCHEMA") is None
SEEN = set()


def execute(call):
    command, key = call["command"], call["config"].get("apiKey")
    if command == "listUsers":
        users = list(range(call["params"].get("limit", 0)))
        again = call["metadata"]["idempotencyKey"] in SEEN
        SEEN.add(call["metadata"]["idempotencyKey"])
        payload = {"users": users, "again": again, "version": call["protocolVersion"]}
        return 200, {"success": True, "payload": payload, "variables": {"userCount": len(users)}}
    if command == "refuse":
        return 409, {"success": False, "error": "no: %s" % key, "diagnostics": {"config": call["config"]}}
    if command == "legacy":
        return 200, {"success": True, "data": {"key": key}, "outputVariables": {}}
    if command == "wrongType":
        return 200, {"success": "yes", "payload": key}
    if command == "list":
        return 200, [key]
    if command == "slow":
        threading.Event().wait(300)
    if command == "huge":
        return 200, {"success": True, "payload": "x" * (11 << 20)}
    if command == "redirect":
        return 307, {"Location": "http://169.254.169.254/latest"}
    return 500, "broken %s" % key


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        if status == 307:
            self.send_header("Location", body["Location"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        known = {"/health": {"ok": True}}
        if TELLS:
            known["/schema"] = {"name": "python", "version": "1.0.0", "configSchema": SCHEMA}
        self.answer(200 if self.path in known else 404, known.get(self.path, {}))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(*execute(json.loads(body)))

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", int(sys.argv[1])), Service)
print("127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
