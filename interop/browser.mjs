// Chromium against the server, alone and together with Perl's draft-76 client. A line for each check.
//
//   browser.mjs http://localhost:PORT SERVER
//
// PORT is that of a server that runs already; SERVER is the program, for the check that restarts one.
// CHROMIUM is the browser's path; SCREENSHOT is where a picture of the canvas goes.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const TIMEOUT_MS = 10_000;
const STOP_MS = 5_000;       // from SIGTERM to the end of the server
const POLL_MS = 25;

const [base, server] = process.argv.slice(2);
if (!base || !server || !process.env.CHROMIUM || !process.env.SCREENSHOT) {
  throw new Error('usage: CHROMIUM=PATH SCREENSHOT=PATH browser.mjs http://localhost:PORT SERVER');
}
const socketBase = base.replace(/^http/, 'ws');

// ---- Checks.

const pageErrors = [];
let failed = 0;

async function check(what, steps) {
  try {
    await steps();
    console.log(`ok   ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${what}: ${String(error?.message ?? error).replace(/\s+/g, ' ')}`);
  }
}

/** Waits until `get` gives the value that is expected. */
async function settles(what, get, expected) {
  const want = JSON.stringify(expected);
  const until = Date.now() + TIMEOUT_MS;
  let got;
  do {
    got = JSON.stringify(await get());
    if (got === want) return;
    await pause(POLL_MS);
  } while (Date.now() < until);
  throw new Error(`${what}: expected ${brief(want)}, got ${brief(got)}`);
}

function same(what, got, expected) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${brief(b)}, got ${brief(a)}`);
}

function brief(text = 'nothing') {
  return text.length > 300 ? `${text.slice(0, 200)} ... ${text.slice(-80)}` : text;
}

/** Waits for a promise, but not for ever. */
async function soon(what, promise, ms = TIMEOUT_MS) {
  const late = new AbortController();
  const timer = pause(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`${what}: not within ${ms / 1000} s`);
  });
  try {
    return await Promise.race([promise, timer]);
  } finally {
    timer.catch(() => {});
    late.abort();
  }
}

// ---- Peers.

/** A page in a browser window of its own. */
async function openPage(address, { consoleErrors = true } = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  page.on('pageerror', (error) => pageErrors.push(error.message));
  page.on('console', (message) => {
    if (consoleErrors && message.type() === 'error') pageErrors.push(message.text());
  });
  await page.goto(address);
  return page;
}

/** The demo page, connected to the canvas. */
async function openCanvas(address = base, how = {}) {
  const page = await openPage(address, how);
  await settles('state of the page', () => state(page), 'connected over RFC 6455');
  return page;
}

const state = (page) => page.innerText('#state');
const protocols = (page) => page.$$eval('#people .protocol', (all) => all.map((one) => one.textContent));
const shared = (page) => page.evaluate(() => window.ws76);
const segments = async (page) => (await shared(page)).segments;
const colour = (page) => page.$eval('#people .swatch', (own) => getComputedStyle(own).backgroundColor);

/** The colours at points of the canvas, which is 1000 x 600 whatever its size on screen. */
function pixels(page, points) {
  return page.$eval('#canvas', (canvas, points) => points.map(([x, y]) => {
    const at = [x * canvas.width / 1000, y * canvas.height / 600].map(Math.floor);
    const [r, g, b, alpha] = canvas.getContext('2d').getImageData(...at, 1, 1).data;
    return alpha === 0 ? 'blank' : alpha === 255 ? `rgb(${r}, ${g}, ${b})` : `faint ${alpha}`;
  }), points);
}

const isBlank = (page) => page.$eval('#canvas', (canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.every((byte) => byte === 0);
});

/** Some points between two, these left out. */
function between([x0, y0], [x1, y1]) {
  return [0.1, 0.3, 0.5, 0.7, 0.9].map((t) => [x0 + t * (x1 - x0), y0 + t * (y1 - y0)]);
}

/** Draws a line with the mouse. */
async function draw(page, from, to) {
  const box = await page.locator('#canvas').boundingBox();
  const screen = ([x, y]) => [box.x + x * box.width / 1000, box.y + y * box.height / 600];
  await page.mouse.move(...screen(from));
  await page.mouse.down();
  await page.mouse.move(...screen(to), { steps: 20 });
  await page.mouse.up();
}

async function showsLine(page, [from, to], ofColour) {
  const points = between(from, to);
  await settles('colours along the line', () => pixels(page, points), points.map(() => ofColour));
}

/** Perl's draft-76 client. */
class Perl {
  static async join(address) {
    const perl = new Perl(address);
    await settles('Perl client', () => perl.problem() ?? perl.isOpen, true);
    return perl;
  }

  constructor(address) {
    this.isOpen = false;
    this.texts = [];
    this.errors = '';
    const program = fileURLToPath(new URL('perl_client.pl', import.meta.url));
    this.process = spawn('perl', [program, 'relay', address]);
    // Status, and whether all it printed has been read.
    this.ended = once(this.process, 'close').then(([status]) => { this.status = status; });
    this.process.stdin.on('error', () => {});       // it tells why in `errors`
    this.process.stderr.on('data', (some) => { this.errors += some; });
    createInterface({ input: this.process.stdout, crlfDelay: Infinity }).on('line', (line) => {
      if (this.isOpen) this.texts.push(line);
      else this.isOpen = line === 'open';
    });
    process.once('exit', () => this.process.kill());
  }

  problem() {
    return this.status === undefined ? undefined : `ended with ${this.status}: ${this.errors}`;
  }

  send(...texts) {
    this.process.stdin.write(texts.map((text) => `${text}\n`).join(''));
  }

  messages(type) {
    return this.texts.map((text) => JSON.parse(text)).filter((message) => message.type === type);
  }

  /** It succeeds only if it got the server's closing frame. */
  async closed() {
    await soon('closing handshake with Perl', this.ended);
    if (this.status !== 0) throw new Error(`Perl client ${this.problem()}`);
  }

  async close() {
    this.process.stdin.end();
    await this.closed();
  }
}

/** A server of our own, which is stopped and started again. */
class Server {
  static async start(address) {
    const started = new Server(address);
    await settles('server', () => started.status ?? started.port !== undefined, true);
    return started;
  }

  constructor(address) {
    this.process = spawn(server, ['--listen', address], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.ended = once(this.process, 'exit').then(([status, signal]) => { this.status = status ?? signal; });
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      this.port ??= /http:\/\/localhost:(\d+)\//.exec(line)?.[1];
    });
    process.once('exit', () => this.process.kill('SIGKILL'));
  }

  async stop() {
    this.process.kill('SIGTERM');
    await soon('end of the server', this.ended, STOP_MS);
    same('status of the server', this.status, 0);
  }
}

// ---- What a person does.

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

/** Evaluates one line as the console of the developer tools does. */
async function typeLine(devtools, expression) {
  const { exceptionDetails: thrown } = await devtools.send('Runtime.evaluate', {
    expression, replMode: true, includeCommandLineAPI: true, userGesture: true,
  });
  if (thrown) throw new Error(`${expression}: ${thrown.exception?.description ?? thrown.text}`);
}

await check('RFC 6455, Chromium: the Getting Started lines in the console log an event with "hello"', async () => {
  const page = await openPage(base);
  const devtools = await page.context().newCDPSession(page);
  const logged = page.waitForEvent('console');
  logged.catch(() => {});
  await typeLine(devtools, `var ws = new WebSocket("${socketBase}");`);
  // The time a person takes for the next line; `send` throws until the handshake is done.
  await settles('readyState', () => page.evaluate('ws.readyState'), 1);
  await typeLine(devtools, 'ws.onmessage = function(m) { console.log(m) };');
  await typeLine(devtools, 'ws.send("hello");');
  const [event] = (await logged).args();
  same('logged', await event.evaluate((m) => [m.constructor.name, m.type, m.data]), ['MessageEvent', 'message', 'hello']);
  await page.context().close();
});

await check("RFC 6455, Chromium: the line that the page offers, in one go, logs \"hello\"", async () => {
  const page = await openCanvas();
  const devtools = await page.context().newCDPSession(page);
  const logged = page.waitForEvent('console');
  logged.catch(() => {});
  await typeLine(devtools, await page.innerText('#line'));
  same('logged', (await logged).text(), 'hello');
  await page.context().close();
});

await check('RFC 6455, Chromium: /echo of texts, 1,000 in one burst, and a clean close', async () => {
  const page = await openPage(base);
  const texts = ['hello', 'こんにちは、世界', '👋🏽 🎨', '', 'x'.repeat(100 << 10),
    ...Array.from({ length: 1000 }, (_, i) => `text ${i} ✓`)];
  const outcome = page.evaluate(([address, texts]) => new Promise((resolve) => {
    const got = [];
    const socket = new WebSocket(address);
    socket.onopen = () => texts.forEach((text) => socket.send(text));
    socket.onmessage = (event) => { if (got.push(event.data) === texts.length) socket.close(1000); };
    socket.onclose = (event) => resolve({ got, clean: event.wasClean, code: event.code });
  }), [`${socketBase}/echo`, texts]);
  same('echo', await soon('echo', outcome), { got: texts, clean: true, code: 1000 });
  await page.context().close();
});

// ---- The canvas. These checks build on each other.

let one, two, three, perl;
const lineOfOne = [[150, 120], [450, 120]];
const lineOfTwo = [[600, 200], [600, 450]];
const lineOfPerl = [[150, 500], [550, 500]];
const lineForPerl = [[750, 150], [900, 450]];

await check('canvas: two pages, both in the list of both as "RFC 6455"', async () => {
  [one, two] = [await openCanvas(), await openCanvas()];
  for (const page of [one, two]) {
    await settles('people', () => protocols(page), ['RFC 6455', 'RFC 6455']);
    same('number of people', (await shared(page)).people, 2);
    same('blank at first', await isBlank(page), true);
  }
});

await check('canvas: what one page draws is seen on the other, both ways', async () => {
  await draw(one, ...lineOfOne);
  await showsLine(two, lineOfOne, await colour(one));
  await draw(two, ...lineOfTwo);
  await showsLine(one, lineOfTwo, await colour(two));
  await settles('segments alike', async () => await segments(one) === await segments(two), true);
  same('segments drawn', await segments(one) >= 20, true);
});

await check('canvas: a page that comes late gets the drawing so far', async () => {
  three = await openCanvas();
  await showsLine(three, lineOfOne, await colour(one));
  await showsLine(three, lineOfTwo, await colour(two));
  same('segments', await segments(three), await segments(one));
  for (const page of [one, two, three]) {
    await settles('people', () => protocols(page), Array(3).fill('RFC 6455'));
  }
});

await check('both at once: Perl joins the canvas, and is "draft-76" in the lists of the pages', async () => {
  perl = await Perl.join(`${socketBase}/canvas`);
  await settles('welcome', () => perl.messages('welcome').length, 1);
  const [{ strokes, people }] = perl.messages('welcome');
  const drawn = strokes.reduce((sum, { points }) => sum + Math.max(1, points.length / 2 - 1), 0);
  same('segments in the welcome', drawn, await segments(one));
  same('people in the welcome', people.map(({ protocol }) => protocol).sort(), [...Array(3).fill('RFC 6455'), 'draft-76']);
  for (const page of [one, two, three]) {
    // Each page lists itself first, then by age: Perl is the last who came.
    await settles('people', () => protocols(page), [...Array(3).fill('RFC 6455'), 'draft-76']);
  }
});

await check('both at once: what Perl draws is seen on the pages, what a page draws comes to Perl', async () => {
  const [{ id, people }] = perl.messages('welcome');
  perl.send(JSON.stringify({ type: 'draw', points: lineOfPerl.flat() }));
  const hex = people.find((person) => person.id === id).colour;
  const rgb = `rgb(${hex.match(/[0-9a-f]{2}/g).map((byte) => parseInt(byte, 16)).join(', ')})`;
  for (const page of [one, two, three]) await showsLine(page, lineOfPerl, rgb);

  await draw(one, ...lineForPerl);
  const drawer = (await shared(one)).id;
  const ends = () => {
    const points = perl.messages('draw').filter((message) => message.id === drawer).flatMap((message) => message.points);
    return [points.slice(0, 2), points.slice(-2)];
  };
  // Within a unit or two: the mouse stands on whole pixels.
  const near = () => ends().map(([x, y], i) => Math.hypot(x - lineForPerl[i][0], y - lineForPerl[i][1]) <= 3);
  await settles('ends of the line that Perl got', near, [true, true]);
  await showsLine(two, lineForPerl, await colour(one));
});

await check('canvas: screenshot', async () => {
  await one.screenshot({ path: process.env.SCREENSHOT });
});

await check('canvas: one page clears it for everyone, the draft-76 client too', async () => {
  await two.click('#clear');
  for (const page of [one, two, three]) {
    await settles('segments', () => segments(page), 0);
    same('blank', await isBlank(page), true);
  }
  await settles('clear', () => perl.messages('clear').length, 1);
});

await check('both at once: who leaves is gone from the lists, with either protocol', async () => {
  await perl.close();
  await three.context().close();
  for (const page of [one, two]) {
    await settles('people', () => protocols(page), ['RFC 6455', 'RFC 6455']);
  }
});

await check('both at once: /broadcast between Chromium and Perl, both ways at the same time', async () => {
  const texts = (from) => [`from ${from}`, 'こんにちは、世界', '👋🏽 🎨', '', 'x'.repeat(100 << 10),
    ...Array.from({ length: 300 }, (_, i) => `${from} ${i} ✓`), 'end'];
  const perl = await Perl.join(`${socketBase}/broadcast`);
  await one.evaluate((address) => new Promise((resolve, reject) => {
    window.texts = [];
    window.broadcast = new WebSocket(address);
    window.broadcast.onopen = resolve;
    window.broadcast.onerror = () => reject(new Error('no connection'));
    window.broadcast.onmessage = (event) => window.texts.push(event.data);
  }), `${socketBase}/broadcast`);
  // A text that comes to Perl proves that both are in the room; until then some may have missed it.
  await settles('both in the room', async () => {
    await one.evaluate(() => window.broadcast.send('probe'));
    return perl.texts.length > 0;
  }, true);

  perl.send(...texts('Perl'));
  await one.evaluate((texts) => texts.forEach((text) => window.broadcast.send(text)), texts('Chromium'));
  await settles('last text to Chromium', () => one.evaluate(() => window.texts.at(-1)), 'end');
  await settles('last text to Perl', () => perl.texts.at(-1), 'end');
  same('texts to Chromium', await one.evaluate(() => window.texts), texts('Perl'));
  same('texts to Perl', perl.texts.filter((text) => text !== 'probe'), texts('Chromium'));
  await perl.close();
  const code = one.evaluate(() => new Promise((resolve) => {
    window.broadcast.onclose = (event) => resolve([event.wasClean, event.code]);
    window.broadcast.close(1000);
  }));
  same('close', await soon('close', code), [true, 1000]);
});

await check('restart: SIGTERM closes clients of both protocols in order, and the page comes back by itself', async () => {
  const first = await Server.start('localhost:0');
  const address = `localhost:${first.port}`;
  const perl = await Perl.join(`ws://${address}/echo`);
  const page = await openCanvas(`http://${address}/`, { consoleErrors: false });   // refused connections
  await draw(page, ...lineOfOne);
  await showsLine(page, lineOfOne, await colour(page));
  const end = page.evaluate((address) => new Promise((resolve, reject) => {
    const socket = new WebSocket(address);
    socket.onopen = () => { window.isOpen = true; };
    socket.onclose = (event) => resolve([event.wasClean, event.code]);
  }), `ws://${address}/echo`);
  await settles('open', () => page.evaluate('window.isOpen'), true);
  await first.stop();
  same('close event', await soon('close event', end), [true, 1001]);
  await perl.closed();
  await settles('state', async () => (await state(page)).replace(/ in \d+ s/, ''), 'reconnecting');

  const second = await Server.start(address);
  await settles('state', () => state(page), 'connected over RFC 6455');
  await settles('segments of the new server', () => segments(page), 0);
  await draw(page, ...lineOfTwo);
  await showsLine(page, lineOfTwo, await colour(page));
  const other = await openCanvas(`http://${address}/`);
  await showsLine(other, lineOfTwo, await colour(page));
  await second.stop();
  await Promise.all([page, other].map((page) => page.context().close()));
});

await check('no errors on any page', async () => same('errors', pageErrors, []));

await browser.close();
process.exit(failed === 0 ? 0 : 1);      // and what a failed check has left behind ends as well
