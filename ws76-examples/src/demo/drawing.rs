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
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CLEAR: &str = r#"{"type":"clear"}"#;

    /// A drawing with guest 1 on it.
    fn drawing() -> Drawing {
        let mut drawing = Drawing::default();
        drawing.join(1, "draft-76");
        drawing
    }

    fn line(points: &[i16]) -> String {
        json!({"type": "draw", "points": points}).to_string()
    }

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// The points of each stroke in a newcomer's welcome.
    fn strokes(drawing: &mut Drawing) -> Vec<Value> {
        let welcome = value(&drawing.join(99, "RFC 6455").welcome);
        let strokes = welcome["strokes"].as_array().unwrap().iter();
        strokes.map(|stroke| stroke["points"].clone()).collect()
    }

    #[test]
    fn join_welcomes_with_id_people_and_the_drawing_so_far() {
        let mut drawing = drawing();
        drawing.message(1, &line(&[1, 2, 3, 4])).unwrap();
        let joined = drawing.join(2, "RFC 6455");
        let guest = |id, name, colour, protocol| json!({"id": id, "name": name, "colour": colour, "protocol": protocol});
        let one = guest(1, "guest 1", "#1f6fd6", "draft-76");
        let two = guest(2, "guest 2", "#d6336c", "RFC 6455");
        let welcome = json!({
            "type": "welcome", "id": 2, "people": [two, one], "count": 2,
            "strokes": [{"colour": "#1f6fd6", "points": [1, 2, 3, 4]}],
        });
        assert_eq!(value(&joined.welcome), welcome);
        let for_others = json!({"type": "joined", "person": two, "count": 2});
        assert_eq!(value(&joined.for_others), for_others);
    }

    #[test]
    fn draw_comes_back_with_id_and_colour() {
        let echo = drawing().message(1, &line(&[0, 0, 1000, 600])).unwrap();
        let expected = r##"{"type":"draw","id":1,"colour":"#1f6fd6","points":[0,0,1000,600]}"##;
        assert_eq!(echo, expected);
    }

    #[test]
    fn draw_that_goes_on_from_a_stroke_of_the_same_person_lengthens_it() {
        let mut drawing = drawing();
        drawing.join(2, "draft-76");
        drawing.message(1, &line(&[1, 1, 2, 2])).unwrap();
        drawing.message(2, &line(&[2, 2, 9, 9])).unwrap();
        drawing.message(1, &line(&[2, 2, 3, 3, 4, 4])).unwrap();
        drawing.message(1, &line(&[4, 4])).unwrap(); // a dot stays a dot
        let expected = [
            json!([1, 1, 2, 2, 3, 3, 4, 4]),
            json!([2, 2, 9, 9]),
            json!([4, 4]),
        ];
        assert_eq!(strokes(&mut drawing), expected);
    }

    #[test]
    fn clear_empties_the_drawing_for_later_newcomers() {
        let mut drawing = drawing();
        drawing.message(1, &line(&[1, 2])).unwrap();
        let echo = drawing.message(1, CLEAR).unwrap();
        assert_eq!(echo, r#"{"type":"clear","id":1}"#);
        assert!(strokes(&mut drawing).is_empty());
    }

    #[test]
    fn leave_is_told_once_and_keeps_the_strokes() {
        let mut drawing = drawing();
        drawing.message(1, &line(&[1, 2])).unwrap();
        let left = r#"{"type":"left","id":1,"count":0}"#;
        assert_eq!(drawing.leave(1).as_deref(), Some(left));
        assert_eq!(drawing.leave(1), None);
        let refusal = drawing.message(1, CLEAR).unwrap_err();
        assert!(matches!(refusal, Refusal::NotHere));
        assert_eq!(strokes(&mut drawing).len(), 1);
    }

    #[test]
    fn message_at_a_limit_is_taken() {
        let longest = format!("{:MESSAGE_LEN_MAX$}", CLEAR);
        for text in [longest, line(&[7; 2 * POINTS_MAX]), line(&[0, 0])] {
            drawing().message(1, &text).unwrap();
        }
    }

    #[test]
    fn bad_message_is_refused_with_a_reason_and_changes_nothing() {
        let mut drawing = drawing();
        drawing.message(1, &line(&[5, 6])).unwrap();
        let before = format!("{drawing:?}");
        let too_long = format!("{:1$}", CLEAR, MESSAGE_LEN_MAX + 1);
        let nested = format!(r#"{{"type":"draw","points":{}"#, "[".repeat(2000));
        for (text, why) in [
            (&*too_long, "longer than 2048 bytes"),
            (&nested, "recursion limit"),
            (&line(&[7; 2 * POINTS_MAX + 2]), "more than 128 points"),
            (
                &line(&[1001, 0]),
                "point 1001, 0 is outside the 1000 x 600 canvas",
            ),
            (&line(&[0, 601]), "point 0, 601 is outside"),
            (&line(&[3, 3, -1, 0]), "point -1, 0 is outside"),
            (&line(&[]), "at least one point"),
            (&line(&[1, 2, 3]), "the last y is missing"),
            (r#"{"type":"draw","points":[1.5,2]}"#, "floating point"),
            (r#"{"type":"draw","points":[40000,2]}"#, "expected i16"),
            (
                r#"{"type":"draw","points":[1,2],"id":9}"#,
                "unknown field `id`",
            ),
            (r#"{"type":"draw"}"#, "missing field `points`"),
            (r#"{"type":"clear","id":9}"#, "unknown field `id`"),
            (r#"{"type":"welcome"}"#, "unknown variant `welcome`"),
            ("", "EOF"),
        ] {
            let answer = value(&drawing.message(1, text).unwrap_err().to_json());
            assert_eq!(answer["type"], "error");
            let reason = answer["reason"].as_str().unwrap();
            assert!(reason.contains(why), "{text}: {reason}");
        }
        assert_eq!(format!("{drawing:?}"), before);
    }

    #[test]
    fn welcome_stays_under_its_limit_whatever_is_drawn() {
        let label = "a label of thirty bytes: 1 2 3";
        let there_and_back = [1000, 600, 1000, 599].repeat(POINTS_MAX / 2);
        let [dot, short, long] = [2, 4, 2 * POINTS_MAX].map(|len| &there_and_back[..len]);
        for points in [dot, short, long, &[1000, 600, 1000, 600]] {
            let mut drawing = Drawing::default();
            for id in u64::MAX - 250..u64::MAX {
                drawing.join(id, label);
            }
            for _ in 0..20_000_usize.min(100_000 / points.len()) {
                drawing.message(u64::MAX - 1, &line(points)).unwrap();
            }
            let welcome = drawing.join(u64::MAX, label).welcome;
            assert!((150_000..=WELCOME_LEN_MAX).contains(&welcome.len()));
            let welcome = value(&welcome);
            assert_eq!(welcome["people"].as_array().unwrap().len(), LISTED_MAX);
            assert_eq!(welcome["count"], 251);
        }
    }

    #[test]
    fn oldest_stroke_is_dropped_first() {
        let mut drawing = drawing();
        for dot in 0..5000 {
            let dot = line(&[dot % 1000, dot / 1000]);
            drawing.message(1, &dot).unwrap();
        }
        let strokes = strokes(&mut drawing);
        assert_ne!(strokes[0], json!([0, 0]));
        assert_eq!(strokes[strokes.len() - 1], json!([999, 4]));
    }
}
