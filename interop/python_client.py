# coding: utf-8
"""Python's websocket-client 0.4.1, the last release that spoke draft-76, as a client. For python 2.7.

    python_client.py ws://localhost:PORT SERVER

PORT is that of a server that runs already; SERVER is the program, for the checks that stop one. Prints
a line for each check, and fails if one does.

What this client does differently from a browser: its Origin is `localhost:PORT`, without a scheme; it
leaves the query out of the resource name; it takes the response in one read; and it does not answer a
closing frame, but closes the connection.
"""
import os
import re
import select
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'packages'))

import websocket  # noqa: E402

TIMEOUT = 10
BASE, SERVER = sys.argv[1:]
HOST = BASE[len('ws://'):]


class Recorder(websocket.WebSocket):
    """The client, with what it reads: it compares only some of that."""

    def __init__(self):
        websocket.WebSocket.__init__(self)
        self.wire = ''

    def _recv(self, bufsize):
        got = websocket.WebSocket._recv(self, bufsize)
        self.wire += got
        return got

    def taken(self):
        wire, self.wire = self.wire, ''
        return wire


def connect(resource, base=BASE, **options):
    """Opens a connection. What has been read so far is its head and the response."""
    client = Recorder()
    client.connect(base + resource, **options)
    return client


def expected_head(resource, subprotocol=None):
    lines = ['HTTP/1.1 101 WebSocket Protocol Handshake', 'Upgrade: WebSocket', 'Connection: Upgrade',
             'Sec-WebSocket-Origin: ' + HOST, 'Sec-WebSocket-Location: ' + BASE + resource]
    if subprotocol:
        lines.append('Sec-WebSocket-Protocol: ' + subprotocol)
    return '\r\n'.join(lines + ['', ''])


def same(what, got, expected):
    if got != expected:
        raise AssertionError('%s: expected %s, got %s' % (what, shown(expected), shown(got)))


def shown(value):
    text = repr(value)
    return text if len(text) <= 300 else '%s ... %s' % (text[:200], text[-80:])


def echo(client, *texts):
    """Sends each text by itself, and wants the same bytes back."""
    encoded = [text.encode('utf-8') for text in texts]
    client.taken()
    for text in texts:
        client.send(text)
    for text in encoded:
        same('text', client.recv(), text)
    same('bytes', client.taken(), ''.join('\x00' + text + '\xff' for text in encoded))


def close(client):
    """The closing handshake. The client itself ignores what it gets."""
    client.taken()
    client.close()
    same('the answer to FF 00', client.taken(), '\xff\x00')


# ---- The checks.

CHECKS = []


def check(what):
    def add(steps):
        CHECKS.append((what, steps))
        return steps
    return add


@check('opening handshake: the response is right, the head is as expected')
def opening():
    client = connect('/echo')
    same('head', client.taken()[:-16], expected_head('/echo'))
    close(client)


@check('opening handshake: the query that it leaves out is not in the location')
def query():
    client = connect('/echo?a=b')
    same('head', client.taken()[:-16], expected_head('/echo'))
    close(client)


@check('opening handshake: a subprotocol, asked for and named')
def subprotocol():
    client = connect('/echo', header=['Sec-WebSocket-Protocol: chat v1'])
    same('head', client.taken()[:-16], expected_head('/echo', 'chat v1'))
    close(client)


@check('opening handshake: 200 more, with keys of their own')
def many_handshakes():
    for number in range(200):
        client = connect('/echo')
        echo(client, u'connection %d' % number)
        close(client)


@check('opening handshake: refused with 404')
def not_found():
    try:
        connect('/nothing')
    except websocket.WebSocketException as error:
        same('error', str(error), 'Handshake Status 404')
    else:
        raise AssertionError('it was accepted')


@check('echo: ASCII, Japanese, emoji, Latin-1, empty, control bytes, 64 KiB')
def one_by_one():
    client = connect('/echo')
    for text in [u'hello', u'こんにちは、世界', u'👋🏽 🎨 👩‍👩‍👧', u'é', u'',
                 u''.join(map(unichr, range(32))), u'x' * (64 << 10), u'漢' * ((64 << 10) // 3)]:
        echo(client, text)
    close(client)


@check('echo: 1,000 texts, each sent by itself, in order')
def many_texts():
    client = connect('/echo')
    echo(client, *[u'text %d of 1,000 ✓' % number for number in range(1, 1001)])
    close(client)


@check('echo: 1,000 texts in one write, in order')
def one_write():
    client = connect('/echo')
    texts = ['text %d' % number for number in range(1, 1001)]
    client.io_sock.sendall(''.join('\x00' + text + '\xff' for text in texts))
    same('texts', [client.recv() for _ in texts], texts)
    close(client)


@check('/broadcast: to all others, and not to its source')
def broadcast():
    one, two = connect('/broadcast'), connect('/broadcast')
    # Nothing tells a client that it is in the room: each is heard once by the other first.
    for source, other in [(one, two), (two, one)]:
        while not select.select([other.sock], [], [], 0.05)[0]:
            source.send('here')
        source.send('go')
        while other.recv() != 'go':
            pass
    for number in range(100):
        one.send('from one %d' % number)
        two.send('from two %d' % number)
        same('text', one.recv(), 'from two %d' % number)
        same('text', two.recv(), 'from one %d' % number)
    close(one)
    close(two)


@check('closing handshake: a text, FF 00 and more in one write')
def close_after_text():
    client = connect('/echo')
    client.taken()
    client.io_sock.sendall('\x00last\xff\xff\x00\x00too late\xff')
    same('text', client.recv(), 'last')
    same('the closing frame', client.recv(), None)
    same('bytes', client.taken(), '\x00last\xff\xff\x00')


class Server(object):
    """A server of its own, to be stopped."""

    def __init__(self):
        self.process = subprocess.Popen([SERVER, '--listen', 'localhost:0'], stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        self.base = 'ws://' + re.search('localhost:[0-9]+', line).group()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def ended(self):
        self.process.communicate()
        same('status of the server', self.process.returncode, 0)


@check('closing handshake: begun by the server at SIGTERM, with 3 clients; it ends with status 0')
def stopped():
    server = Server()
    try:
        clients = [connect('/echo', server.base) for _ in range(3)]
        for client in clients:
            echo(client, u'here')
        server.terminate()
        for client in clients:
            same('what it receives', client.recv(), None)
            same('bytes', client.taken(), '\xff\x00')
        server.ended()
    finally:
        if server.process.poll() is None:
            server.process.kill()


@check('WebSocketApp: open, a text, the closing frame of the server, closed; no error')
def application():
    server = Server()
    heard = []

    def on_open(app):
        heard.append('open')
        app.send(u'こんにちは')

    def on_message(app, text):
        heard.append(text)
        server.terminate()

    app = websocket.WebSocketApp(
        server.base + '/echo', on_open=on_open, on_message=on_message,
        on_error=lambda app, error: heard.append(repr(error)),
        on_close=lambda app: heard.append('closed'))
    try:
        app.run_forever()
        same('what it has heard', heard, ['open', 'こんにちは', 'closed'])
        server.ended()
    finally:
        if server.process.poll() is None:
            server.process.kill()


def late(*_):
    raise AssertionError('nothing happened for %d s' % TIMEOUT)


def main():
    signal.signal(signal.SIGALRM, late)
    failed = False
    for what, steps in CHECKS:
        signal.alarm(TIMEOUT)
        try:
            steps()
            print 'ok   draft-76, Python: %s' % what
        except Exception as error:
            failed = True
            print 'FAIL draft-76, Python: %s: %s' % (what, str(error).replace('\n', ' '))
        finally:
            signal.alarm(0)
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
