//! The shared canvas as plain data: who is here, and the drawing so far.
//!
//! Each method takes one event and returns the JSON text to send, so the canvas can be tested
//! without a socket. It decides nothing about connections: no I/O, no clock, no ids of its own.
//!
//! Every page sees the same drawing because all apply the same texts in the same order. So call a
//! method and queue what it returns under ONE lock, and send what [`Drawing::message`] returns to
//! everyone, the sender too: a page shows its own lines at once, and takes them as part of the
//! drawing when they come back.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// The people on one canvas, and what they have drawn since it was last cleared.
#[derive(Debug, Default)]
pub(crate) struct Drawing {
    people: BTreeMap<u64, Person>,
    history: History,
}

impl Drawing {
    /// Adds a person. `protocol` is shown to all, and has at most 30 bytes and no quotes.
    ///
    /// However much was drawn, the welcome has at most `WELCOME_LEN_MAX` bytes (200 KiB): old
    /// strokes are dropped first, and of a big crowd only the newest `LISTED_MAX` are named.
    pub(crate) fn join(&mut self, id: u64, protocol: &'static str) -> Joined {
        let newcomer = Person {
            id,
            name: format!("guest {id}"),
            colour: colour(id),
            protocol,
        };
        self.people.remove(&id);
        let others = self.people.values().rev().take(LISTED_MAX - 1);
        let count = self.people.len() + 1;
        let joined = Joined {
            welcome: to_json(&ServerMessage::Welcome {
                id,
                people: core::iter::once(&newcomer).chain(others).collect(),
                count,
                strokes: &self.history.strokes,
            }),
            for_others: to_json(&ServerMessage::Joined {
                person: &newcomer,
                count,
            }),
        };
        self.people.insert(id, newcomer);
        joined
    }

    /// Applies what person `id` sent, and returns the text for everyone, the sender included.
    ///
    /// # Errors
    ///
    /// The text is untrusted: when anything about it is wrong nothing changes, and
    /// [`Refusal::to_json`] is the answer to its sender.
    pub(crate) fn message(&mut self, id: u64, text: &str) -> Result<String, Refusal> {
        let colour = self.people.get(&id).ok_or(Refusal::NotHere)?.colour;
        if text.len() > MESSAGE_LEN_MAX {
            return Err(Refusal::TooLong);
        }
        match serde_json::from_str(text).map_err(Refusal::Unreadable)? {
            ClientMessage::Draw { points } => {
                check(&points)?;
                let echo = to_json(&ServerMessage::Draw {
                    id,
                    colour,
                    points: &points,
                });
                self.history.add(id, colour, points);
                Ok(echo)
            }
            ClientMessage::Clear {} => {
                self.history = History::default();
                Ok(to_json(&ServerMessage::Clear { id }))
            }
        }
    }

    /// Removes a person, and returns the text for those still here; their strokes stay.
    ///
    /// Returns `None` when there is no such person.
    pub(crate) fn leave(&mut self, id: u64) -> Option<String> {
        self.people.remove(&id)?;
        let count = self.people.len();
        Some(to_json(&ServerMessage::Left { id, count }))
    }
}

/// The two texts a newcomer causes.
#[derive(Debug)]
pub(crate) struct Joined {
    /// For the newcomer, before any other text: its id, who is here, the drawing so far.
    pub(crate) welcome: String,
    /// For everyone else.
    pub(crate) for_others: String,
}

/// Why a client's message was not applied.
#[derive(Debug)]
pub(crate) enum Refusal {
    NotHere,
    TooLong,
    Unreadable(serde_json::Error),
    NoPoints,
    HalfPoint,
    TooManyPoints,
    OutsideCanvas { x: i16, y: i16 },
}

impl Refusal {
    /// The text that tells the sender.
    pub(crate) fn to_json(&self) -> String {
        to_json(&ServerMessage::Error {
            reason: &self.to_string(),
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHere => write!(f, "nobody with this id is here"),
            Self::TooLong => write!(f, "message longer than {MESSAGE_LEN_MAX} bytes"),
            Self::Unreadable(error) => write!(f, "message not understood: {error}"),
            Self::NoPoints => write!(f, "a draw message needs at least one point"),
            Self::HalfPoint => write!(f, "points is x, y, x, y, …: the last y is missing"),
            Self::TooManyPoints => write!(f, "more than {POINTS_MAX} points in one message"),
            Self::OutsideCanvas { x, y } => {
                write!(f, "point {x}, {y} is outside the {WIDTH} x {HEIGHT} canvas")
            }
        }
    }
}

impl core::error::Error for Refusal {}

/// The strokes since the last clear, oldest first, with an upper bound of their length in JSON.
#[derive(Debug, Default)]
struct History {
    strokes: VecDeque<Stroke>,
    json_len: usize,
}

impl History {
    /// Adds a polyline at the end of the stroke it goes on from, or as a new stroke, then drops
    /// the oldest strokes until the rest fits.
    fn add(&mut self, by: u64, colour: &'static str, points: Vec<i16>) {
        let mut recent = self.strokes.iter_mut().rev().take(RECENT);
        if let Some(stroke) = recent.find(|stroke| stroke.goes_on(by, &points)) {
            self.json_len -= stroke.json_len();
            stroke.points.extend(points.iter().skip(2));
            self.json_len += stroke.json_len();
        } else {
            let stroke = Stroke { by, colour, points };
            self.json_len += stroke.json_len();
            self.strokes.push_back(stroke);
        }
        while self.json_len > HISTORY_LEN_MAX
            && let Some(oldest) = self.strokes.pop_front()
        {
            self.json_len -= oldest.json_len();
        }
    }
}

/// A polyline, or a dot when it has one point.
#[derive(Debug, Serialize)]
struct Stroke {
    #[serde(skip)]
    by: u64,
    colour: &'static str,
    points: Vec<i16>,
}

impl Stroke {
    /// Whether `points` starts where this stroke of the same person ends, as the next batch of one
    /// movement does. Joining them makes the history hold several times more.
    fn goes_on(&self, by: u64, points: &[i16]) -> bool {
        self.by == by
            && self.points.len().min(points.len()) >= 4
            && self.points.len() + points.len() <= 2 * STROKE_POINTS_MAX
            && self.points.last_chunk::<2>() == points.first_chunk::<2>()
    }

    fn json_len(&self) -> usize {
        STROKE_LEN + self.points.len() / 2 * POINT_LEN
    }
}

#[derive(Debug, Serialize)]
struct Person {
    id: u64,
    name: String,
    colour: &'static str,
    protocol: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum ClientMessage {
    Draw { points: Vec<i16> },
    Clear {}, // with braces, for serde lets a unit variant have unknown fields
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[rustfmt::skip] // one message a line
enum ServerMessage<'a> {
    Welcome { id: u64, people: Vec<&'a Person>, count: usize, strokes: &'a VecDeque<Stroke> },
    Joined { person: &'a Person, count: usize },
    Left { id: u64, count: usize },
    Draw { id: u64, colour: &'static str, points: &'a [i16] },
    Clear { id: u64 },
    Error { reason: &'a str },
}

fn to_json(message: &ServerMessage<'_>) -> String {
    // Cannot fail: every key is a string and no type here has a failing `Serialize`. Were that to
    // change, pages ignore an empty text.
    serde_json::to_string(message).unwrap_or_default()
}

fn check(points: &[i16]) -> Result<(), Refusal> {
    let (points, half) = points.as_chunks::<2>();
    if !half.is_empty() {
        return Err(Refusal::HalfPoint);
    }
    if points.is_empty() {
        return Err(Refusal::NoPoints);
    }
    if points.len() > POINTS_MAX {
        return Err(Refusal::TooManyPoints);
    }
    let inside = |&[x, y]: &[i16; 2]| (0..=WIDTH).contains(&x) && (0..=HEIGHT).contains(&y);
    match points.iter().find(|point| !inside(point)) {
        Some(&[x, y]) => Err(Refusal::OutsideCanvas { x, y }),
        None => Ok(()),
    }
}

/// Ten colours that are told apart on white.
fn colour(id: u64) -> &'static str {
    match id % 10 {
        0 => "#7b2d8b",
        1 => "#1f6fd6",
        2 => "#d6336c",
        3 => "#2b8a3e",
        4 => "#e8590c",
        5 => "#0b7285",
        6 => "#c92a2a",
        7 => "#5f3dc4",
        8 => "#8a5a12",
        _ => "#3b4252",
    }
}

const WIDTH: i16 = 1000;
const HEIGHT: i16 = 600;

/// Bytes of one client message, and points in it; a page sends a few points 25 times a second.
const MESSAGE_LEN_MAX: usize = 2048;
const POINTS_MAX: usize = 128;

/// A stroke grows to this many points, so that dropping the oldest takes little at a time.
const STROKE_POINTS_MAX: usize = 256;
/// How far back to look for the stroke that a polyline goes on from.
const RECENT: usize = 16;

/// The worst welcome: 163,840 bytes of strokes (18,000 points in long strokes, 3,300 lone dots),
/// 25,600 of people and less than 256 around them, 189,696 in all.
const WELCOME_LEN_MAX: usize = 200 << 10;
const HISTORY_LEN_MAX: usize = 160 << 10;
const LISTED_MAX: usize = 200;
const PERSON_LEN: usize = 128; // 98 with the longest id, and the protocol
const STROKE_LEN: usize = 40; // {"colour":"#rrggbb","points":[]}, is 33
const POINT_LEN: usize = 9; // 1000,600,
const _: () = assert!(256 + LISTED_MAX * PERSON_LEN + HISTORY_LEN_MAX <= WELCOME_LEN_MAX);

#[cfg(test)]
mod tests;
