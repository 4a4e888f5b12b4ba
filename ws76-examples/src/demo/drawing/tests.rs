//! The canvas as plain data, told what clients send.

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
