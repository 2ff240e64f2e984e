"""Becomes an agent inside a network of its own: there is a service, a way to the server, and nothing else.

The way to the server is a socket in the folder, as no packet leaves this network.
"""
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SERVICE, SERVER = ("127.88.0.9", 8088), ("127.0.0.1", 8090)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up_and_running = 0x1 | 0x40
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", up_and_running))


def copy(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def relay(listener):
    while True:
        near, _ = listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect("server.sock")
        for ends in ((near, far), (far, near)):
            threading.Thread(target=copy, args=ends, daemon=True).start()


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(404, {})

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, {"success": True, "payload": {"inside": call["params"]}})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


loopback_up()
service, listener = ThreadingHTTPServer(SERVICE, Service), socket.create_server(SERVER)
parent = os.getpid()
if os.fork() == 0:
    # Gone with the agent, however that ends.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() == parent:
        threading.Thread(target=relay, args=(listener,), daemon=True).start()
        service.serve_forever()
    os._exit(1)
os.execv(sys.argv[1], sys.argv[1:])
