//! All the cases, and running them.

use std::io;

use crate::{
    Case, CaseError, Difference, Feeding, Report, Target, Verdict, case, conversation::Address,
    pure::PurePeer, report::CaseResult, tcp::TcpPeer,
};

/// How many two-way cuts a case is run with, besides whole and byte by byte.
///
/// ```
/// use ws76_conform::Cuts;
///
/// assert_eq!(Cuts::default(), Cuts::Some);
/// ```
#[expect(clippy::exhaustive_enums, reason = "none, some, all")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cuts {
    /// None, and not byte by byte either: whole only.
    None,
    /// Every cut of up to 64 bytes; of more, twelve, at other places for other cases.
    #[default]
    Some,
    /// Every cut of up to 2,048 bytes; of up to 64 KiB the first 32, the last 32 and 32 between; of
    /// more four of each.
    All,
}

/// The cases, in the order of the files.
///
/// ```
/// use ws76_conform::{CaseError, Suite};
///
/// let suite = Suite::builtin()?;
/// let of_f4 = suite.cases().iter().filter(|case| case.clauses().iter().any(|one| one.id == "F4"));
/// assert!(of_f4.count() > 0);
/// # Ok::<(), CaseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Suite {
    cases: Vec<Case>,
}

impl Suite {
    /// The cases of this crate.
    ///
    /// # Errors
    ///
    /// When a file has a fault, which the tests of this crate exclude.
    pub fn builtin() -> Result<Self, CaseError> {
        let mut cases = Vec::new();
        for (subject, text) in FILES {
            cases.extend(case::parse(subject, text)?);
        }
        Ok(Self { cases })
    }

    /// The cases.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Runs the cases against a server, one after the other, and tells `progress` of each that is
    /// about to run: its number, their count, and it. After each case a good client has to be
    /// answered still; where it is not, the run ends.
    ///
    /// With `only` it runs the cases of this clause.
    ///
    /// # Errors
    ///
    /// When the server does not answer a good client to begin with.
    pub fn run(
        &self,
        target: &Target,
        cuts: Cuts,
        only: Option<&str>,
        mut progress: impl FnMut(usize, usize, &Case),
    ) -> io::Result<Report> {
        greet(target)?;
        let named = |case: &&Case| {
            only.is_none_or(|id| case.clauses().iter().any(|clause| clause.id == id))
        };
        let cases: Vec<&Case> = self
            .cases
            .iter()
            .filter(|case| !case.is_pure())
            .filter(named)
            .collect();
        let mut report = Report::default();
        for (at, case) in cases.iter().enumerate() {
            progress(at + 1, cases.len(), case);
            let verdict = run_tcp(case, target, cuts);
            if let Ok(verdict) = &verdict {
                report.cases.push(CaseResult::new(case, verdict));
            }
            // One failure may be of the moment: descriptors of connections that are closing.
            if verdict.is_err() || greet(target).is_err() && greet(target).is_err() {
                report.gone_after = Some(case.name().to_owned());
                break;
            }
        }
        Ok(report)
    }
}

/// Runs a case against the pure crates, in memory: whole, byte by byte, and at the cuts. The first
/// verdict that is not [`Verdict::Kept`], if any.
///
/// ```
/// use ws76_conform::{CaseError, Cuts, Suite, Verdict, run_pure};
///
/// for case in Suite::builtin()?.cases().iter().filter(|case| case.subject() == "keys") {
///     assert_eq!(run_pure(case, Cuts::None), Verdict::Kept, "{}", case.name());
/// }
/// # Ok::<(), CaseError>(())
/// ```
#[must_use]
pub fn run_pure(case: &Case, cuts: Cuts) -> Verdict {
    let run = |feeding| case.converse(PURE, feeding, &mut PurePeer::new(case.pure.as_ref()));
    let mut worst = Verdict::Kept;
    for feeding in feedings(case, PURE, cuts) {
        worst = worse(worst, run(feeding));
    }
    worst
}

/// Runs a case against a server: whole, byte by byte, and at the cuts, each on a new connection.
/// Ends at the first verdict that is [`Verdict::Broken`].
///
/// ```
/// use ws76_conform::{Cuts, Suite, Target, Verdict, run_tcp};
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let target = Target::new("127.0.0.1:9000".parse()?);
/// for case in Suite::builtin()?.cases() {
///     if let Verdict::Broken(difference) = run_tcp(case, &target, Cuts::Some)? {
///         println!("{}: {}", case.name(), difference.came);
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When the server cannot be connected to.
pub fn run_tcp(case: &Case, target: &Target, cuts: Cuts) -> io::Result<Verdict> {
    let mut worst = Verdict::Kept;
    for feeding in feedings(case, target.address(), cuts) {
        let mut peer = TcpPeer::connect(target)?;
        worst = worse(worst, case.converse(target.address(), feeding, &mut peer));
        if matches!(worst, Verdict::Broken(_)) {
            break;
        }
    }
    Ok(worst)
}

/// Whether a good client is answered: the standard request, one message, its echo.
fn greet(target: &Target) -> io::Result<()> {
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let good = case::parse("good client", GOOD).map_err(|error| wrong(error.to_string()))?;
    for case in &good {
        if let Verdict::Broken(Difference { came, .. }) = run_tcp(case, target, Cuts::None)? {
            return Err(wrong(format!("a good client got: {came}")));
        }
    }
    Ok(())
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    match (&one, &other) {
        (Verdict::Broken(_), _) | (_, Verdict::Kept) => one,
        (Verdict::Differs(_), Verdict::Differs(_)) => one,
        _ => other,
    }
}

fn feedings(case: &Case, address: Address<'_>, cuts: Cuts) -> Vec<Feeding> {
    let len = case.len(address);
    let all = 1..len;
    let places: Vec<usize> = match cuts {
        Cuts::None => return vec![Feeding::Whole],
        Cuts::Some if len <= 64 => all.collect(),
        Cuts::Some => {
            let step = len / 12;
            all.skip(case.name().len() % step).step_by(step).collect()
        }
        Cuts::All if len <= 2048 => all.collect(),
        Cuts::All => {
            let edge = if len <= 64 << 10 { 32 } else { 4 };
            let between = (edge..len - edge).step_by(len / edge);
            (1..edge).chain(between).chain(len - edge..len).collect()
        }
    };
    let cuts = places.into_iter().map(Feeding::Cut);
    [Feeding::Whole, Feeding::Bytes]
        .into_iter()
        .chain(cuts)
        .collect()
}

/// Where the pure server seems to be.
const PURE: Address<'static> = Address {
    host: "example.com",
    path: "/demo?room=1",
};

const GOOD: &str = "[[case]]\nname = 'a good client'\nclauses = ['H1']\nexpect = 'accepted'\n";

/// The files of cases.
const FILES: &[(&str, &str)] = &[
    ("opening", include_str!("../cases/opening.toml")),
    ("fields", include_str!("../cases/fields.toml")),
    ("keys", include_str!("../cases/keys.toml")),
    ("key3", include_str!("../cases/key3.toml")),
    ("reply", include_str!("../cases/reply.toml")),
    ("hostile", include_str!("../cases/hostile.toml")),
    ("http", include_str!("../cases/http.toml")),
    ("limits", include_str!("../cases/limits.toml")),
    ("frames", include_str!("../cases/frames.toml")),
    ("reserved", include_str!("../cases/reserved.toml")),
    ("utf8", include_str!("../cases/utf8.toml")),
    ("closing", include_str!("../cases/closing.toml")),
];
