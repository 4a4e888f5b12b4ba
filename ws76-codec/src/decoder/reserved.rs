//! What is no text: the closing frame, and frames of reserved types.

use bytes::{Buf, BytesMut};
use memchr::memchr;

use super::{Decoder, State};
use crate::{
    DecodeError, Frame, ReservedFrames,
    frame::{CLOSING, HIGH_BIT, TERMINATOR},
};

impl Decoder {
    /// Each turn of the loop leaves a state or removes a byte, or returns.
    pub(super) fn skip(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        loop {
            match self.state {
                State::Idle => match src.first() {
                    None => return Ok(None),
                    Some(&frame_type) => {
                        self.state = self.reserved(frame_type)?;
                        src.advance(1);
                    }
                },
                State::Text { .. } => return Ok(None),
                State::SkipToTerminator { frame_type, len } => {
                    return self.skip_to_terminator(frame_type, len, src);
                }
                State::Length {
                    frame_type,
                    len,
                    count,
                } => {
                    let Some(&byte) = src.first() else {
                        return Ok(None);
                    };
                    self.state = self.length(frame_type, len, count, byte)?;
                    src.advance(1);
                    if let State::Closed = self.state {
                        src.clear();
                        return Ok(Some(Frame::Closing));
                    }
                }
                State::Skip {
                    frame_type,
                    len,
                    left,
                } => {
                    let skipped = src.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    src.advance(skipped);
                    let left = left - skipped as u64;
                    if left > 0 {
                        self.state = State::Skip {
                            frame_type,
                            len,
                            left,
                        };
                        return Ok(None);
                    }
                    self.state = State::Idle;
                    return Ok(Some(Frame::Reserved { frame_type, len }));
                }
                State::Closed => {
                    src.clear();
                    return Ok(None);
                }
                State::Failed(error) => return Err(error),
            }
        }
    }

    #[cold]
    fn reserved(&self, frame_type: u8) -> Result<State, DecodeError> {
        if frame_type == CLOSING {
            return Ok(State::Length {
                frame_type,
                len: 0,
                count: 0,
            });
        }
        match self.config.reserved_frames {
            ReservedFrames::Reject => Err(DecodeError::ReservedFrame { frame_type }),
            ReservedFrames::Skip if frame_type & HIGH_BIT == 0 => {
                Ok(State::SkipToTerminator { frame_type, len: 0 })
            }
            ReservedFrames::Skip => Ok(State::Length {
                frame_type,
                len: 0,
                count: 0,
            }),
        }
    }

    #[cold]
    fn skip_to_terminator(
        &mut self,
        frame_type: u8,
        len: u64,
        src: &mut BytesMut,
    ) -> Result<Option<Frame>, DecodeError> {
        let max = self.config.max_reserved_len;
        let end = memchr(TERMINATOR, src);
        let len = len + end.unwrap_or(src.len()) as u64;
        if len > max {
            return Err(DecodeError::ReservedTooLong { max });
        }
        if let Some(end) = end {
            src.advance(end + 1);
            self.state = State::Idle;
            return Ok(Some(Frame::Reserved { frame_type, len }));
        }
        src.clear();
        self.state = State::SkipToTerminator { frame_type, len };
        Ok(None)
    }

    /// One byte of a length: seven bits of it, the most significant first; the high bit says that
    /// another byte follows.
    #[cold]
    fn length(&self, frame_type: u8, len: u64, count: u8, byte: u8) -> Result<State, DecodeError> {
        let max_bytes = self.config.max_length_bytes;
        let max = self.config.max_reserved_len;
        if count >= max_bytes {
            return Err(DecodeError::TooManyLengthBytes { max: max_bytes });
        }
        let group = u64::from(byte & !HIGH_BIT);
        let len = len
            .checked_mul(128)
            .and_then(|len| len.checked_add(group))
            .ok_or(DecodeError::ReservedTooLong { max })?;
        // A length never shrinks as more of it comes, so what is wrong now stays wrong.
        if len > 0 && self.config.reserved_frames == ReservedFrames::Reject {
            return Err(DecodeError::ReservedFrame { frame_type });
        }
        if len > max {
            return Err(DecodeError::ReservedTooLong { max });
        }
        if byte & HIGH_BIT != 0 {
            let count = count + 1;
            if count >= max_bytes {
                return Err(DecodeError::TooManyLengthBytes { max: max_bytes });
            }
            return Ok(State::Length {
                frame_type,
                len,
                count,
            });
        }
        Ok(match (frame_type, len) {
            (CLOSING, 0) => State::Closed,
            _ => State::Skip {
                frame_type,
                len,
                left: len,
            },
        })
    }
}
