"""Both protocols through proxies: opens, echoes, asks who it is, closes; compares every byte that it can.

Its own address is 127.0.0.5, so that nobody takes a proxy for it.
"""

import base64
import hashlib
import os
import socket
import ssl
import struct
import sys
import traceback

OWN = "127.0.0.5"
LARGE = "x" * (1 << 20)
RESPONSE = b"8jKS'y:G*Co,Wxa-"  # to the keys of draft-76 section 1.2
KEY3 = b"^n:ds[4U"


def connect(port, tls=None, own=OWN):
    sock = socket.socket()
    sock.bind((own, 0))
    sock.settimeout(20)
    sock.connect(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(sock, server_hostname="example.com", suppress_ragged_eofs=False) if tls else sock


def context(certificate, version):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.load_verify_locations(certificate)
    tls.minimum_version = tls.maximum_version = version
    if version < ssl.TLSVersion.TLSv1_2:
        tls.set_ciphers("DEFAULT:@SECLEVEL=0")
    return tls


def read(sock, count):
    got = b""
    while len(got) < count:
        part = sock.recv(count - len(got))
        assert part, "the end after %r" % got[-200:]
        got += part
    return got


def read_head(sock):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read(sock, 1)
    return head


def read_end(sock):
    rest = sock.recv(1000)
    assert rest == b"", "more comes: %r" % rest


def equal(got, expected):
    if got != expected:
        raise AssertionError("got %r, expected %r" % (got[:600], expected[:600]))


def draft76_head(host, fields=""):
    return (
        "GET /demo?x=%%20y HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\n"
        "Sec-WebSocket-Key1: 4 @1  46546xW%%0l 1 5\r\nOrigin: http://example.com\r\n%s\r\n" % (host, fields)
    ).encode()


def check_reply_head(head, location, through_http):
    """A proxy that speaks HTTP adds fields and orders them anew; one that does not changes nothing."""
    if not through_http:
        return equal(head, (
            "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Origin: http://example.com\r\nSec-WebSocket-Location: %s\r\n\r\n" % location
        ).encode())
    status, *lines = head.decode().split("\r\n")[:-2]
    equal(status, "HTTP/1.1 101 WebSocket Protocol Handshake")
    fields = [line.split(": ", 1) for line in lines]
    fields = sorted([name.lower(), value] for name, value in fields if name not in ("Server", "Date"))
    for field in fields:
        if field[0] == "connection":
            field[1] = field[1].lower()
    equal(fields, [
        ["connection", "upgrade"],
        ["sec-websocket-location", location],
        ["sec-websocket-origin", "http://example.com"],
        ["upgrade", "WebSocket"],
    ])


class Draft76:
    name = "draft-76"

    def __init__(self, sock, host, scheme, through_http, late=False, fields=""):
        self.sock = sock
        head = draft76_head(host, fields)
        sock.sendall(head if late else head + KEY3)
        reply = read_head(sock)
        check_reply_head(reply, "%s://%s/demo?x=%%20y" % (scheme, host), through_http)
        if late:
            sock.sendall(KEY3)
        equal(read(sock, 16), RESPONSE)

    def send(self, text):
        self.sock.sendall(b"\x00" + text.encode() + b"\xff")

    def expect(self, text):
        equal(read(self.sock, len(text.encode()) + 2), b"\x00" + text.encode() + b"\xff")

    def read_text(self):
        equal(read(self.sock, 1), b"\x00")
        text = b""
        while not text.endswith(b"\xff"):
            text += read(self.sock, 1)
        return text[:-1].decode()

    def close(self):
        self.sock.sendall(b"\xff\x00")
        equal(read(self.sock, 2), b"\xff\x00")
        read_end(self.sock)


class Rfc6455:
    name = "RFC 6455"

    def __init__(self, sock, host, scheme, through_http, late=False, fields=""):
        self.sock = sock
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall((
            "GET /demo HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s\r\n" % (host, key, fields)
        ).encode())
        reply = read_head(sock).decode()
        assert reply.startswith("HTTP/1.1 101 "), reply
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert "\r\nSec-WebSocket-Accept: %s\r\n" % base64.b64encode(digest).decode() in reply, reply

    def frame(self, first, payload):
        mask = b"\x37\xfa\x21\x3d"
        stream = (mask * (len(payload) // 4 + 1))[: len(payload)]
        number = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", first, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", first, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", first, 0x80 | 127, length)
        self.sock.sendall(head + mask + number.to_bytes(length, "big"))

    def read_frame(self):
        first, length = read(self.sock, 2)
        if length == 126:
            (length,) = struct.unpack("!H", read(self.sock, 2))
        elif length == 127:
            (length,) = struct.unpack("!Q", read(self.sock, 8))
        return first, read(self.sock, length)

    def send(self, text):
        self.frame(0x81, text.encode())

    def expect(self, text):
        equal(self.read_frame(), (0x81, text.encode()))

    def read_text(self):
        first, payload = self.read_frame()
        equal(first, 0x81)
        return payload.decode()

    def close(self):
        self.frame(0x88, struct.pack("!H", 1000))
        equal(self.read_frame(), (0x88, struct.pack("!H", 1000)))
        read_end(self.sock)


def check(what, checks, *arguments):
    try:
        checks(*arguments)
        print("ok   %s" % what, flush=True)
    except Exception as error:
        print("FAIL %s: %s" % (what, " ".join(str(error).split())), flush=True)
        traceback.print_exc()


def whole(protocol, port, tls, scheme, knows_port, through_http, late=False):
    sock = connect(port, tls)
    own = "%s:%s" % (OWN, sock.getsockname()[1] if knows_port else 0)
    # What the client says itself of who it is must not count.
    fields = "X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-Proto: gopher\r\n"
    peer = protocol(sock, "example.com:%s" % port, scheme, through_http, late, fields)
    for text in ["hello", "", "こんにちは 👋🏽", LARGE]:
        peer.send(text)
        peer.expect(text)
    peer.send("who am I?")
    equal(peer.read_text(), own)
    peer.close()
    sock.close()


def stranger(port):
    sock = connect(port)
    own = "%s:%s" % sock.getsockname()
    fields = "X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-Proto: https\r\n"
    peer = Draft76(sock, "example.com", "ws", False, False, fields)
    peer.send("who am I?")
    equal(peer.read_text(), own)
    peer.close()


def without_header(port):
    sock = connect(port)
    sock.sendall(draft76_head("example.com") + KEY3)
    try:
        equal(sock.recv(1000), b"")
    except ConnectionResetError:
        pass


def main():
    certificate, *ports = sys.argv[1:]
    ports = {name: int(port) for name, port in (one.split("=") for one in ports)}
    versions = {
        "TLS 1.0": context(certificate, ssl.TLSVersion.TLSv1),
        "TLS 1.2": context(certificate, ssl.TLSVersion.TLSv1_2),
        "TLS 1.3": context(certificate, ssl.TLSVersion.TLSv1_3),
    }
    # Name, port, TLS, scheme, whether the client's port comes through, whether it speaks HTTP.
    ways = [
        ("nginx", ports["nginx"], None, "ws", False, True),
        ("HAProxy", ports["haproxy"], None, "ws", True, False),
    ]
    for version in versions:
        ways.append(("nginx, " + version, ports["nginx_tls"], version, "wss", False, True))
        ways.append(("HAProxy, " + version, ports["haproxy_tls"], version, "wss", True, False))
        ways.append(("stunnel, " + version, ports["stunnel"], version, "wss", True, False))
    for version in ["TLS 1.2", "TLS 1.3"]:
        name = "HAProxy that passes %s on to the server" % version
        ways.append((name, ports["passed_on"], version, "wss", True, False))
    for name, port, version, *rest in ways:
        tls = versions.get(version)
        check("%s: draft-76, key 3 with the head" % name, whole, Draft76, port, tls, *rest)
        check("%s: draft-76, key 3 after the 101" % name, whole, Draft76, port, tls, *rest, True)
        check("%s: RFC 6455" % name, whole, Rfc6455, port, tls, *rest)
    check("a stranger is not believed in what it says of itself", stranger, ports["behind_nginx"])
    check("without a PROXY header nothing is answered", without_header, ports["behind_haproxy"])


main()
