// faye's packages as draft-76 servers, on a free port. Prints NAME|PORT, then serves until it is killed.
//
//   faye_server.mjs faye      faye-websocket, which stands on node's HTTP server
//   faye_server.mjs driver    a newer websocket-driver, which reads HTTP itself
//
//   /echo                 each text comes back
//   /greeting             `welcome`, sent as soon as the packages allow; then as /echo
//   /closing              a text comes back, and FF 00 behind it
//   /subprotocol          as /echo, with the subprotocol that was asked for: the packages name none by
//                         themselves in this protocol
//   /other-subprotocol    as /echo, with another one
//   /wrong-..., /no-origin, /bad-key, /draft-75, /rfc-6455    faye alone: it is given another request
//                         than the one that came
//   /forbidden            faye alone: it does not hear of the request, which is answered with 403

import { createServer as createHttpServer } from 'node:http';
import { createRequire } from 'node:module';
import { createServer as createTcpServer } from 'node:net';
import WebSocket from 'faye-websocket';
import websocketDriver from 'websocket-driver-0.8';

const require = createRequire(import.meta.url);
const version = (name) => require(`${name}/package.json`).version;

/** What is done to the request before faye-websocket sees it, by path. */
const altered = {
  '/wrong-origin': (request) => { request.headers.origin = 'http://elsewhere.example'; },
  '/wrong-location': (request) => { request.headers.host = 'elsewhere.example'; },
  '/wrong-response': (request, key3) => { key3[7] ^= 1; },
  '/no-origin': (request) => { delete request.headers.origin; },
  '/bad-key': (request) => { request.headers['sec-websocket-key1'] = '1  1'; },
  '/rfc-6455': (request) => {
    request.headers['sec-websocket-key'] = 'AAAAAAAAAAAAAAAAAAAAAA==';
    request.headers['sec-websocket-version'] = '13';
  },
  '/draft-75': (request) => {
    delete request.headers['sec-websocket-key1'];
    delete request.headers['sec-websocket-key2'];
  },
};

/** The fields that are added to the reply. */
function replyFields(path, request) {
  switch (path) {
    case '/subprotocol': return { 'Sec-WebSocket-Protocol': request.headers['sec-websocket-protocol'] };
    case '/other-subprotocol': return { 'Sec-WebSocket-Protocol': 'other' };
    default: return {};
  }
}

const pathOf = (request) => request.url.split('?')[0];

function fayeServer() {
  return createHttpServer().on('upgrade', (request, socket, key3) => {
    const path = pathOf(request);
    if (path === '/forbidden') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    altered[path]?.(request, key3);
    const webSocket = new WebSocket(request, socket, key3, [], { headers: replyFields(path, request) });
    if (path === '/greeting') webSocket.send('welcome');
    webSocket.on('message', ({ data }) => {
      webSocket.send(data);
      if (path === '/closing') webSocket.close();
    });
  });
}

function driverServer() {
  return createTcpServer((socket) => {
    const driver = websocketDriver.server({ allowDrafts: true });
    driver.on('connect', () => {
      const path = pathOf(driver);
      for (const [name, value] of Object.entries(replyFields(path, driver))) driver.setHeader(name, value);
      driver.start();
      if (path === '/greeting') driver.text('welcome');
      driver.on('message', ({ data }) => {
        driver.text(data);
        if (path === '/closing') driver.close();
      });
    });
    driver.on('close', () => socket.end());
    socket.on('error', () => {});
    socket.pipe(driver.io).pipe(socket);
  });
}

const servers = {
  faye: [fayeServer, `faye-websocket ${version('faye-websocket')}, websocket-driver ${version('websocket-driver')}`],
  driver: [driverServer, `websocket-driver ${version('websocket-driver-0.8')}`],
};
const [start, name] = servers[process.argv[2]] ?? [];
if (!start) throw new Error('usage: faye_server.mjs faye|driver');
const server = start();
server.listen(0, '127.0.0.1', () => console.log(`${name}|${server.address().port}`));
