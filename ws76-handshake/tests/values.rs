//! Values that go out, and what of them may be shown: what is written, their `Debug` and `Display`
//! forms, and what each refuses (R4, R5, R6, R9).

use ws76_handshake::{FieldName, FieldValue, Location, Origin, Scheme, Subprotocol, ValueError};

#[test]
fn r4_a_location_is_taken_from_text_and_given_back_verbatim() {
    for (text, scheme, host, resource_name) in [
        ("ws://a/", Scheme::Ws, "a", "/"),
        ("wss://b.example:1/c?d", Scheme::Wss, "b.example:1", "/c?d"),
    ] {
        let location = Location::try_from(text).unwrap();
        assert_eq!(location.scheme(), scheme);
        assert_eq!(location.host(), host);
        assert_eq!(location.resource_name(), resource_name);
        assert_eq!(location.as_str(), text);
        assert_eq!(location.to_string(), text);
        assert_eq!(format!("{location:?}"), format!("Location({text:?})"));
    }
    assert_eq!(Location::try_from("a"), Err(ValueError::UnknownScheme));
}

#[test]
fn r5_r6_values_are_written_and_shown_verbatim() {
    let origin = Origin::try_from("http://a.example").unwrap();
    assert_eq!(origin.as_str(), "http://a.example");
    assert_eq!(origin.to_string(), "http://a.example");
    assert_eq!(format!("{origin:?}"), "Origin(\"http://a.example\")");
    let subprotocol = Subprotocol::try_from("chat v2").unwrap();
    assert_eq!(subprotocol.as_str(), "chat v2");
    assert_eq!(subprotocol.to_string(), "chat v2");
    assert_eq!(format!("{subprotocol:?}"), "Subprotocol(\"chat v2\")");
    let name = FieldName::try_from("Set-Cookie").unwrap();
    assert_eq!(name.as_str(), "Set-Cookie");
    assert_eq!(format!("{name:?}"), "FieldName(\"Set-Cookie\")");
}

#[test]
fn values_of_fields_are_not_shown() {
    let value = FieldValue::try_from("id=7").unwrap();
    assert_eq!(value.as_str(), "id=7");
    assert_eq!(format!("{value:?}"), "FieldValue(4 bytes)");
}
