//! An echo server made of the pure crates, in memory: bytes in, bytes out.

use bytes::BytesMut;
use ws76_codec::{
    ClosingHandshake, Decoder, DecoderConfig, Frame, InvalidUtf8, ReservedFrames, encode_closing,
};
use ws76_handshake::{
    Accept, AwaitingKey3, FieldName, FieldValue, HeadLimits, Incoming, Request, RequestReader,
    Response, Scheme, Status, Subprotocol,
};

use crate::{case::PureConfig, conversation::Peer};

/// The server's end of a connection that consists of two buffers.
#[derive(Debug)]
pub(crate) struct PurePeer {
    config: PureConfig,
    state: State,
    src: BytesMut,
    dst: BytesMut,
}

#[derive(Debug)]
enum State {
    Head(RequestReader),
    Key3(AwaitingKey3),
    Frames(Decoder, ClosingHandshake),
    Ended,
}

impl PurePeer {
    pub(crate) fn new(config: Option<&PureConfig>) -> Self {
        let config = config.cloned().unwrap_or_default();
        let mut limits = HeadLimits::new();
        if let Some(max) = config.max_head_len {
            limits = limits.with_max_head_len(max);
        }
        if let Some(max) = config.max_fields {
            limits = limits.with_max_fields(max);
        }
        Self {
            config,
            state: State::Head(RequestReader::new(limits)),
            src: BytesMut::new(),
            dst: BytesMut::new(),
        }
    }

    /// Goes on as far as the bytes allow.
    fn advance(&mut self) {
        while let Some(state) = self.step() {
            self.state = state;
        }
    }

    /// The next state, or `None` when more bytes are needed.
    fn step(&mut self) -> Option<State> {
        match &mut self.state {
            State::Head(reader) => match reader.read(&mut self.src) {
                Ok(None) => None,
                Ok(Some(Incoming::WebSocket(request))) => Some(self.answer(request)),
                Ok(Some(Incoming::Http(head))) if head.method() == "HEAD" => {
                    Response::upgrade_required().write_head_only(&mut self.dst);
                    Some(State::Ended)
                }
                Ok(Some(_)) => {
                    Response::upgrade_required().write(&mut self.dst);
                    Some(State::Ended)
                }
                Err(error) => {
                    error.response().write(&mut self.dst);
                    Some(State::Ended)
                }
            },
            State::Key3(awaiting) => {
                let established = awaiting.read(&mut self.src, &mut self.dst);
                established.map(|_| State::Frames(self.decoder(), ClosingHandshake::new()))
            }
            State::Frames(decoder, closing) => loop {
                let answer = match decoder.decode(&mut self.src) {
                    Ok(None) => return None,
                    Ok(Some(Frame::Reserved { .. })) => continue,
                    Ok(Some(Frame::Text(text))) => {
                        if closing.can_send() {
                            text.encode(&mut self.dst);
                        }
                        continue;
                    }
                    Ok(Some(Frame::Closing)) => closing.received(),
                    Err(_) => closing.can_send(),
                };
                if answer {
                    encode_closing(&mut self.dst);
                    closing.sent();
                }
                return Some(State::Ended);
            },
            State::Ended => {
                self.src.clear();
                None
            }
        }
    }

    fn answer(&mut self, request: Request) -> State {
        if let Some(status) = self.config.reject.and_then(Status::new) {
            request.reject(&Response::new(status), &mut self.dst);
            return State::Ended;
        }
        let mut accept = Accept::new();
        if self.config.wss {
            accept = accept.with_scheme(Scheme::Wss);
        }
        if let Some(Ok(subprotocol)) = request.subprotocol().map(Subprotocol::try_from) {
            accept = accept.with_subprotocol(subprotocol);
        }
        for (name, value) in &self.config.fields {
            if let (Ok(name), Ok(value)) = (
                FieldName::try_from(&name[..]),
                FieldValue::try_from(&value[..]),
            ) {
                accept = accept.with_field(name, value);
            }
        }
        match request.accept(accept, &mut self.dst) {
            Ok(awaiting) => State::Key3(awaiting),
            Err(error) => {
                error.response().write(&mut self.dst);
                State::Ended
            }
        }
    }

    fn decoder(&self) -> Decoder {
        let mut config = DecoderConfig::new();
        if self.config.skip_reserved {
            config = config.with_reserved_frames(ReservedFrames::Skip);
        }
        if self.config.replace_utf8 {
            config = config.with_invalid_utf8(InvalidUtf8::Replace);
        }
        if let Some(max) = self.config.max_message_len {
            config = config.with_max_message_len(max);
        }
        if let Some(max) = self.config.max_reserved_len {
            config = config.with_max_reserved_len(max);
        }
        if let Some(max) = self.config.max_length_bytes {
            config = config.with_max_length_bytes(max);
        }
        Decoder::new(config)
    }
}

impl Peer for PurePeer {
    fn send(&mut self, bytes: &[u8]) {
        self.src.extend_from_slice(bytes);
        self.advance();
    }

    fn pause(&mut self) {}

    fn shut_down(&mut self) {
        if let State::Frames(decoder, closing) = &mut self.state
            && decoder.finish().is_err()
            && closing.can_send()
        {
            encode_closing(&mut self.dst);
        }
        self.state = State::Ended;
    }

    fn close(&mut self) {
        if let State::Frames(_, closing) = &mut self.state
            && closing.can_send()
        {
            encode_closing(&mut self.dst);
            closing.sent();
        }
    }

    fn receive(&mut self) -> bool {
        false
    }

    fn received(&self) -> &[u8] {
        &self.dst
    }

    fn ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}
