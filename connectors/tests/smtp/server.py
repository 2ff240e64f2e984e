"""A mail server on a free port of loopback: tells its port, then each mail that it gets, as lines of JSON.

Arguments: how it is encrypted (starttls, tls or none), the files of its certificate and key.
"""
import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

SECURITY, CERTIFICATE, KEY = sys.argv[1:4]


def tell(**what):
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("no"):
            return "550 5.1.1 no such user"
        if address.startswith("later"):
            return "451 4.3.0 come back"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if b"Subject: refuse me" in envelope.content:
            return "554 5.7.1 not this one"
        if b"Subject: hang up" in envelope.content:
            tell(hung_up=True)
            server.transport.abort()
            return "250 OK"
        tell(sender=envelope.mail_from, recipients=envelope.rcpt_tos, utf8=envelope.smtp_utf8,
             content=base64.b64encode(envelope.content).decode())
        return "250 2.0.0 queued as 1"

    async def auth_XOAUTH2(self, server, args):
        said = base64.b64decode(args[1]).decode()
        return AuthResult(success=said == "user=ada\x01auth=Bearer token-number-1\x01\x01", handled=False)


def authenticate(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ada", b"canary-password")
    return AuthResult(success=known, handled=False)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    encrypted = SECURITY == "tls"

    def protocol():
        return SMTP(Handler(), enable_SMTPUTF8=True, authenticator=authenticate, auth_require_tls=SECURITY == "starttls",
                    tls_context=context if SECURITY == "starttls" else None, require_starttls=False, loop=loop)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if encrypted else None)
    tell(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
