"""An echo server of eventlet, which speaks draft-76: eventlet_echo.py PORT."""
import sys

import eventlet
from eventlet import websocket, wsgi


@websocket.WebSocketWSGI
def echo(ws):
    while True:
        message = ws.wait()
        if message is None:
            return
        ws.send(message)


wsgi.server(eventlet.listen(("127.0.0.1", int(sys.argv[1]))), echo, log=open("/dev/null", "w"))
