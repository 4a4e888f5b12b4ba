//! What an echo costs at least that is made as ws76-server's interface is. Its codec gives texts that have
//! an owner; an `async` handler, whose panics are caught, is called with each; what that sends goes into
//! a bounded queue behind a lock, as any thread may send. A turn takes so many messages, and is written
//! at once.
//!
//! There is no timeout, counter, registry, policy or closing frame, and TCP is all there is below. Nobody
//! closes a connection or its queue from elsewhere; that each message asks whether is a part of the cost.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use bytes::{Buf, Bytes, BytesMut};
use memchr::memrchr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use ws76_codec::{Decoder, DecoderConfig, Text};

use super::{
    accept,
    opening::{invalid, open},
};

pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    accept(listener, async |stream| drop(run(stream, &Echo).await)).await
}

trait Handler: Sync {
    fn on_message(&self, connection: &Connection, text: Text) -> impl Future<Output = ()> + Send;
}

struct Echo;

impl Handler for Echo {
    async fn on_message(&self, connection: &Connection, text: Text) {
        // It is never full: a turn has fewer messages.
        let _ = connection.send(text).await;
    }
}

struct Connection(Arc<Line>);

#[derive(Default)]
struct Line {
    is_ending: AtomicBool,
    queue: Mutex<Queue>,
}

/// Frames to be written.
#[derive(Default)]
struct Queue {
    is_closed: bool,
    messages: usize,
    len: usize,
    copied: Vec<u8>,
    /// Frames in a row, where they were read, if all are.
    lent: Option<(Bytes, Range<usize>)>,
}

struct Full;

impl Connection {
    async fn send(&self, text: Text) -> Result<(), Full> {
        self.0.queue().push(&text)
    }
}

impl Line {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, text: &Text) -> Result<(), Full> {
        let len = text.len() + 2;
        let has_room = self.messages < MAX_QUEUED && self.len + len <= MAX_QUEUED_LEN;
        if self.is_closed || len > MAX_MESSAGE_LEN || !(has_room || self.messages == 0) {
            return Err(Full);
        }
        self.messages += 1;
        self.len += len;
        if len >= MIN_LENT_LEN
            && let Some((bytes, frame)) = text.framed()
        {
            match &mut self.lent {
                None if self.copied.is_empty() => {
                    self.lent = Some((bytes.clone(), frame));
                    return Ok(());
                }
                Some((all, frames))
                    if frames.end == frame.start && all.as_ptr() == bytes.as_ptr() =>
                {
                    frames.end = frame.end;
                    return Ok(());
                }
                _ => {}
            }
        }
        if let Some((bytes, frames)) = self.lent.take() {
            self.copied.extend_from_slice(&bytes.slice(frames));
        }
        text.encode_to_vec(&mut self.copied);
        Ok(())
    }

    /// Writes all. Returns what the kernel does not take at once.
    fn write(&mut self, stream: &TcpStream) -> io::Result<Vec<u8>> {
        let frames = match &self.lent {
            Some((bytes, frames)) => bytes.get(frames.clone()).unwrap_or_default(),
            None => &*self.copied,
        };
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let written = match stream.try_write(frames) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            written => written?,
        };
        let rest = frames.get(written..).unwrap_or_default().to_vec();
        self.lent = None;
        self.copied.clear();
        self.messages = 0;
        self.len = 0;
        Ok(rest)
    }
}

async fn run(mut stream: TcpStream, handler: &impl Handler) -> io::Result<()> {
    let mut src = open(&mut stream).await?;
    let connection = Connection(Arc::default());
    let decoder = Decoder::new(DecoderConfig::new());
    loop {
        let is_spent = turn(&mut src, &decoder, &connection, handler).await?;
        let rest = connection.0.queue().write(&stream)?;
        stream.write_all(&rest).await?;
        if is_spent {
            tokio::task::yield_now().await;
            continue;
        }
        if src.is_empty() {
            // The memory is the thread's while nothing is there to be read.
            SPARE.with_borrow_mut(|spare| spare.push(std::mem::take(&mut src)));
            stream.readable().await?;
            src = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        if !src.try_reclaim(MIN_ROOM) {
            let mut more = BytesMut::with_capacity(BUFFER_LEN + src.len());
            more.extend_from_slice(&src);
            src = more;
        }
        if stream.read_buf(&mut src).await? == 0 {
            return Ok(());
        }
    }
}

/// Calls the handler with the texts at the front of `src`, up to so many. Returns whether there may be
/// more.
async fn turn(
    src: &mut BytesMut,
    decoder: &Decoder,
    connection: &Connection,
    handler: &impl Handler,
) -> io::Result<bool> {
    let (mut shared, mut taken) = (Bytes::new(), 0);
    let mut left = MAX_TURN;
    while left > 0 {
        left -= 1;
        if connection.0.is_ending.load(Ordering::Acquire) {
            return Err(invalid("closed"));
        }
        let text = if shared.is_empty() {
            if let Some(text) = decoder.decode_short(src.get(taken..).unwrap_or_default()) {
                taken += text.frame_len();
                text.into()
            } else {
                src.advance(std::mem::take(&mut taken));
                let Some(end) = memrchr(TERMINATOR, src) else {
                    return Ok(false);
                };
                shared = src.split_to(end + 1).freeze();
                next_shared(decoder, &mut shared, &mut taken)?
            }
        } else {
            next_shared(decoder, &mut shared, &mut taken)?
        };
        let mut text = Some(text);
        let mut call = pin!(None);
        let begun = poll_fn(|cx| {
            Poll::Ready(catch_unwind(AssertUnwindSafe(|| {
                let text = text.take().unwrap_or_default();
                call.set(Some(handler.on_message(connection, text)));
                let call = call.as_mut().as_pin_mut();
                call.is_some_and(|call| call.poll(cx).is_ready())
            })))
        });
        match begun.await {
            Ok(true) => {}
            Ok(false) => {
                if let Some(call) = call.as_pin_mut() {
                    call.await;
                }
            }
            Err(_) => return Err(invalid("the handler panicked")),
        }
    }
    if shared.is_empty() {
        src.advance(taken);
    } else {
        let (_, rest) = shared.split_at(taken);
        *src = [rest, src].concat().as_slice().into();
    }
    Ok(left == 0)
}

fn next_shared(decoder: &Decoder, shared: &mut Bytes, taken: &mut usize) -> io::Result<Text> {
    let text = decoder.decode_shared(shared, *taken);
    let text = text.ok_or_else(|| invalid("no text"))?;
    *taken += text.len() + 2;
    if *taken == shared.len() {
        *shared = Bytes::new();
        *taken = 0;
    }
    Ok(text)
}

thread_local! {
    /// Empty buffers, with room.
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

const TERMINATOR: u8 = 0xff;
/// As ws76-server has them.
const MAX_TURN: usize = 64;
const MAX_MESSAGE_LEN: usize = 1 << 20;
const MAX_QUEUED: usize = 1 << 10;
const MAX_QUEUED_LEN: usize = 256 << 10;
const MIN_LENT_LEN: usize = 66;
const MIN_ROOM: usize = 128 << 10;
const BUFFER_LEN: usize = 256 << 10;
