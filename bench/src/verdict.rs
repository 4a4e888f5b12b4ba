//! What became of the goals, in sentences.

use crate::{
    cases::{Goal, hundredths},
    entries::{self, Entry},
    results::{CaseResults, EntryResults},
    table::kib,
};

/// What draft-76 misses, who is cheaper, and how our RFC 6455 stands beside tokio-tungstenite.
pub(crate) fn verdict(cases: &[CaseResults]) -> String {
    let is_there = |is_it: &dyn Fn(&EntryResults) -> bool| {
        cases.iter().any(|case| case.entries.iter().any(is_it))
    };
    let misses = |what: &str, entry: Entry| {
        let missed = cases.iter().filter_map(|case| missed(case, entry.name));
        let is_measured = is_there(&|there| there.name == entry.name);
        bullet(what, is_measured, &missed.collect::<Vec<_>>())
    };
    let cheaper: Vec<_> = cases.iter().flat_map(cheaper).collect();
    let mut dearest: Vec<_> = cases.iter().filter_map(beside_tungstenite).collect();
    dearest.sort_by(|one, other| other.0.total_cmp(&one.0));
    let dearest: Vec<_> = dearest.into_iter().take(3).map(|(_, text)| text).collect();
    [
        misses("Goals that draft-76 misses", entries::DRAFT76),
        misses("Goals that memchr and simdutf8 alone miss", entries::FLOOR),
        misses(
            "Goals that ws76-codec with a lock and a handler misses",
            entries::LEAST,
        ),
        bullet("Peers that are cheaper than draft-76", is_there(&is_peer), &cheaper),
        bullet(
            "Our RFC 6455 beside tokio-tungstenite with our buffers, where the goal is at most 1.05; the \
             highest",
            !dearest.is_empty(),
            &dearest,
        ),
    ]
    .concat()
}

fn missed(case: &CaseResults, name: &str) -> Option<String> {
    let ours = case.entry(name)?;
    let (figure, ratio) = (ours.figure().median, case.ratio(ours));
    let is_met = case.goal.is_met(figure, ratio, case.bare());
    (!is_met).then(|| match case.goal {
        Goal::Ratio(_) => format!("{} ({ratio:.2})", case.title),
        Goal::BytesMore(_) => format!("{} ({})", case.title, kib(figure)),
    })
}

fn cheaper(case: &CaseResults) -> Vec<String> {
    let Some(ours) = case.entry(entries::DRAFT76.name) else {
        return Vec::new();
    };
    let ours = case.ratio(ours);
    let is_less = |ratio: f64| hundredths(ratio) < hundredths(ours);
    let cheaper = |peer: &&EntryResults| is_peer(peer) && is_less(case.ratio(peer));
    let peers = case.entries.iter().filter(cheaper);
    peers
        .map(|peer| {
            let theirs = case.ratio(peer);
            let (label, title) = (&peer.label, &case.title);
            format!("{label}: {title} ({theirs:.2} against {ours:.2})")
        })
        .collect()
}

/// The ratio of the medians, and its words.
fn beside_tungstenite(case: &CaseResults) -> Option<(f64, String)> {
    let ours = case.entry("ws76-rfc6455")?;
    let peer = case.entry("tokio-tungstenite-4k")?;
    let ratio = ours.figure().median / peer.figure().median;
    let is_cost = matches!(case.goal, Goal::Ratio(_));
    is_cost.then(|| (ratio, format!("{} ({ratio:.2})", case.title)))
}

fn is_peer(entry: &EntryResults) -> bool {
    let measures = [entries::BARE, entries::FLOOR, entries::LEAST];
    let is_measure = measures.iter().any(|measure| measure.name == entry.name);
    !is_measure && !entry.name.starts_with("ws76")
}

/// Nothing is said of who was not measured.
fn bullet(what: &str, is_measured: bool, which: &[String]) -> String {
    match which {
        _ if !is_measured => String::new(),
        [] => format!("- {what}: none.\n"),
        which => format!("- {what}: {}.\n", which.join("; ")),
    }
}
