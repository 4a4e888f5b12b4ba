//! The clauses of draft-76 that cases prove, and threats against a server, in our own words.

/// A clause of draft-76, or a threat against a server that speaks it.
///
/// ```
/// use ws76_conform::Clause;
///
/// assert!(Clause::find("H7").is_some_and(|clause| clause.summary.contains("Host")));
/// assert_eq!(Clause::find("H99"), None);
/// ```
#[non_exhaustive]
#[derive(Debug, PartialEq, Eq)]
pub struct Clause {
    /// `H1` to `H15`: the request; `C`: the challenge; `R`: the reply; `F`: frames; `X`: closing;
    /// `T`: threats.
    pub id: &'static str,
    /// What it says, in one line.
    pub summary: &'static str,
}

impl Clause {
    /// The clause or threat with this id.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        CLAUSES.iter().chain(THREATS).find(|clause| clause.id == id)
    }

    const fn new(id: &'static str, summary: &'static str) -> Self {
        Self { id, summary }
    }
}

/// The clauses of the draft, each proven by at least one case.
pub const CLAUSES: &[Clause] = &[
    Clause::new(
        "H1",
        "the request line is GET, a resource name and HTTP/1.1",
    ),
    Clause::new(
        "H2",
        "the resource name begins with a slash and is visible ASCII, or has raw spaces",
    ),
    Clause::new(
        "H3",
        "fields end with CRLF, the head with an empty line; its size is limited",
    ),
    Clause::new("H4", "names of fields match in any case, in any order"),
    Clause::new("H5", "Upgrade is WebSocket, in any case"),
    Clause::new(
        "H6",
        "Connection is Upgrade, in any case, or has it in a list",
    ),
    Clause::new("H7", "Host is there once, and can stand in a location"),
    Clause::new(
        "H8",
        "Origin may be anything that can be echoed; whether it may be absent is a policy",
    ),
    Clause::new("H9", "Sec-WebSocket-Protocol is one string, not a list"),
    Clause::new("H10", "both keys are there, once each"),
    Clause::new(
        "H11",
        "key 3 is the eight bytes after the empty line, whenever they come",
    ),
    Clause::new("H12", "other fields mean nothing to the handshake"),
    Clause::new(
        "H13",
        "a request that is no handshake is refused before any 101, and closed",
    ),
    Clause::new(
        "H14",
        "values that are no UTF-8 hurt nobody and are never echoed",
    ),
    Clause::new("H15", "plain HTTP on the same port is answered"),
    Clause::new(
        "C1",
        "the digits of a key, and nothing else, make its number",
    ),
    Clause::new("C2", "a key without spaces is refused"),
    Clause::new(
        "C3",
        "a number that is no multiple of its spaces is refused",
    ),
    Clause::new(
        "C4",
        "the part is a number of 32 bits; no count of digits does harm",
    ),
    Clause::new(
        "C5",
        "the challenge is part 1, part 2, key 3, most significant byte first",
    ),
    Clause::new(
        "C6",
        "the response is the MD5 of the challenge, as 16 bytes",
    ),
    Clause::new("R1", "the reply begins with HTTP/1.1 101"),
    Clause::new(
        "R2",
        "the reply has Upgrade: WebSocket, once and in this case",
    ),
    Clause::new("R3", "the reply has Connection: Upgrade, once"),
    Clause::new(
        "R4",
        "the location is scheme, host with port, and resource name, as the client wrote them",
    ),
    Clause::new("R5", "the origin comes back as it was sent"),
    Clause::new(
        "R6",
        "a subprotocol comes back if and only if it was asked for",
    ),
    Clause::new("R7", "the reply may set cookies"),
    Clause::new(
        "R8",
        "the 101 head does not wait for key 3; then 16 bytes, and nothing around them",
    ),
    Clause::new("R9", "nothing in the request can break a line of the reply"),
    Clause::new("F1", "00, UTF-8, FF is a message; it may be empty"),
    Clause::new("F2", "types 01 to 7F end with FF: skipped or refused"),
    Clause::new("F3", "types 80 to FE have a length: skipped or refused"),
    Clause::new("F4", "a length is a row of seven bits each, of any count"),
    Clause::new("F5", "FF with the length 0 is the closing frame"),
    Clause::new("F6", "FF with another length is not the closing frame"),
    Clause::new(
        "F7",
        "a message that is too long ends the connection while it arrives",
    ),
    Clause::new("F8", "text that is no UTF-8 is refused or replaced"),
    Clause::new("F9", "no byte but FF ends a text frame"),
    Clause::new("F10", "the same bytes mean the same, however they are cut"),
    Clause::new("X1", "a closing frame is answered with one"),
    Clause::new("X2", "nothing follows a closing frame that was sent"),
    Clause::new(
        "X3",
        "what follows a closing frame that was received is discarded",
    ),
    Clause::new("X4", "both sides may begin to close"),
    Clause::new(
        "X5",
        "messages sent before the closing frame are answered before it; then TCP is closed",
    ),
    Clause::new(
        "X6",
        "a client that closes without a closing frame is let go",
    ),
];

/// Threats that cases are about besides the clauses.
pub const THREATS: &[Clause] = &[
    Clause::new("T1", "lengths that overflow or never end"),
    Clause::new("T2", "a text frame that never ends, or drips"),
    Clause::new("T4", "the reply is made to say what an attacker wants"),
    Clause::new("T5", "huge heads, many fields, heads in single bytes"),
    Clause::new("T8", "an announced length makes the server allocate"),
    Clause::new("T9", "a flood of tiny frames"),
    Clause::new("T10", "anything but frames behind the 101"),
    Clause::new("T11", "keys that break the arithmetic"),
    Clause::new("T12", "what happens depends on how TCP cuts the bytes"),
    Clause::new("T14", "requests that two parsers read in two ways"),
];
