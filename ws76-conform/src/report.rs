//! What a run of the suite against a server came to.

use std::fmt;

use serde::Serialize;

use crate::{
    Case, Verdict,
    clauses::{CLAUSES, Clause, THREATS},
};

/// What each case came to, and whether the server lived through them.
///
/// ```
/// use ws76_conform::Report;
///
/// /// What to exit with.
/// fn judge(report: &Report) -> i32 {
///     for case in report.broken(false) {
///         println!("{}", case.name);
///     }
///     for tally in report.tallies(false) {
///         println!("{}: {} of {}", tally.id, tally.kept, tally.cases);
///     }
///     if report.is_kept(false) { 0 } else { 1 }
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Each case that was run.
    pub cases: Vec<CaseResult>,
    /// The case after which the server did not answer a good client any more, if there is one. The
    /// run ended there.
    pub gone_after: Option<String>,
}

/// What one case came to.
///
/// ```
/// use ws76_conform::CaseResult;
///
/// fn show(case: &CaseResult) -> String {
///     let kept = if case.kept { "kept" } else { "broken" };
///     format!("{} {}: {kept}", case.clauses.join(" "), case.name)
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    /// The file it stands in.
    pub subject: &'static str,
    /// The claim.
    pub name: String,
    /// The ids of its clauses and threats.
    pub clauses: Vec<&'static str>,
    /// It is advice: nobody has to keep it.
    pub advice: bool,
    /// As the draft wants it of anybody.
    pub kept: bool,
    /// As this project does it, as far as the run looked for that: see
    /// [`Target::awaits_close`](crate::Target::awaits_close).
    pub kept_strictly: bool,
    /// What was different: of the strict expectation if only that is not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Line>,
}

/// What was different, in words.
///
/// ```
/// use ws76_conform::Line;
///
/// fn show(line: &Line) -> String {
///     format!("sent {}, {}: expected {}, got {}", line.sent, line.feeding, line.expected, line.came)
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// How the bytes were handed over.
    pub feeding: String,
    /// What was sent, in short.
    pub sent: String,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub came: String,
}

/// How the cases of one clause fared.
///
/// ```
/// use ws76_conform::Tally;
///
/// fn is_kept(tally: &Tally) -> bool {
///     tally.kept + tally.advice == tally.cases
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tally {
    /// The clause's or threat's id.
    pub id: &'static str,
    /// What it says.
    pub summary: &'static str,
    /// Cases that were run.
    pub cases: usize,
    /// Cases that were kept.
    pub kept: usize,
    /// Cases that were not kept and are advice.
    pub advice: usize,
}

impl CaseResult {
    pub(crate) fn new(case: &Case, verdict: &Verdict) -> Self {
        let difference = match verdict {
            Verdict::Kept => None,
            Verdict::Differs(difference) | Verdict::Broken(difference) => Some(Line {
                feeding: difference.feeding.to_string(),
                sent: difference.sent.clone(),
                expected: difference.expected.clone(),
                came: difference.came.clone(),
            }),
        };
        Self {
            subject: case.subject(),
            name: case.name().to_owned(),
            clauses: case.clauses().iter().map(|clause| clause.id).collect(),
            advice: case.is_advice(),
            kept: !matches!(verdict, Verdict::Broken(_)),
            kept_strictly: *verdict == Verdict::Kept,
            difference,
        }
    }

    const fn is_kept(&self, strict: bool) -> bool {
        self.kept && (self.kept_strictly || !strict)
    }
}

impl Report {
    /// Whether all that the draft demands was kept, and the server is still there. `strict`
    /// demands what this project does, advice included.
    #[must_use]
    pub fn is_kept(&self, strict: bool) -> bool {
        let fine = |case: &CaseResult| case.is_kept(strict) || (case.advice && !strict);
        self.gone_after.is_none() && self.cases.iter().all(fine)
    }

    /// The cases that were not kept.
    pub fn broken(&self, strict: bool) -> impl Iterator<Item = &CaseResult> {
        self.cases.iter().filter(move |case| !case.is_kept(strict))
    }

    /// The clauses and threats that had cases, in their order.
    #[must_use]
    pub fn tallies(&self, strict: bool) -> Vec<Tally> {
        let tally = |clause: &Clause| {
            let of_clause = |case: &&CaseResult| case.clauses.contains(&clause.id);
            let cases: Vec<_> = self.cases.iter().filter(of_clause).collect();
            let broken = cases.iter().filter(|case| !case.is_kept(strict));
            Tally {
                id: clause.id,
                summary: clause.summary,
                cases: cases.len(),
                kept: cases.iter().filter(|case| case.is_kept(strict)).count(),
                advice: broken.filter(|case| case.advice).count(),
            }
        };
        let all = CLAUSES.iter().chain(THREATS).map(tally);
        all.filter(|tally| tally.cases > 0).collect()
    }

    /// The report for people: broken cases, a line each, and the table of clauses.
    pub fn display(&self, strict: bool) -> impl fmt::Display {
        Displayed {
            report: self,
            strict,
        }
    }
}

struct Displayed<'a> {
    report: &'a Report,
    strict: bool,
}

impl fmt::Display for Displayed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (report, strict) = (self.report, self.strict);
        for case in report.broken(strict) {
            let level = if case.advice { "ADVICE" } else { "BROKEN" };
            write!(f, "{level} [{}] {}", case.clauses.join(" "), case.name)?;
            if let Some(line) = &case.difference {
                write!(
                    f,
                    "\n    {}, sent {}; expected {}; came {}",
                    line.feeding, line.sent, line.expected, line.came
                )?;
            }
            writeln!(f)?;
        }
        if let Some(case) = &report.gone_after {
            writeln!(
                f,
                "GONE   after this case no good client is answered: {case}"
            )?;
        }
        writeln!(f, "\nclause  kept      what it says")?;
        for tally in report.tallies(strict) {
            let mark = match tally.cases - tally.kept {
                0 => "ok    ",
                broken if broken == tally.advice => "advice",
                _ => "BROKEN",
            };
            let Tally {
                id, cases, kept, ..
            } = tally;
            let count = format!("{kept}/{cases}");
            writeln!(f, "{id:<4} {mark} {count:>7}  {}", tally.summary)?;
        }
        let kept = report
            .cases
            .iter()
            .filter(|case| case.is_kept(strict))
            .count();
        let broken = report.cases.len() - kept;
        let advice = report.broken(strict).filter(|case| case.advice).count();
        write!(
            f,
            "\n{kept} kept, {broken} broken ({advice} of them advice)"
        )?;
        Ok(())
    }
}
