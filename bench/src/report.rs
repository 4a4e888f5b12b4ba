//! BENCHMARKS.md: its marked parts are written from what was measured, the rest is left as it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    growth,
    machine::Machine,
    plot,
    results::Settings,
    run,
    table::{self, Shown},
    verdict,
};

/// Writes the results into the marked parts of a document, and draws them.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The folder of a run; growth and profile are left as they are where there is none in it.
    #[arg(long, default_value = "bench/results")]
    from: PathBuf,
    /// The document.
    #[arg(long, default_value = "BENCHMARKS.md")]
    into: PathBuf,
}

impl Report {
    pub(crate) fn run(&self) -> io::Result<()> {
        let results = run::read(&self.from)?;
        let mut text = fs::read_to_string(&self.into)?;
        for (name, part) in [
            ("machine", about(&results.machine, &results.settings)),
            ("verdict", verdict::verdict(&results.cases)),
            ("ratios", table::all(Shown::Ratios, &results.cases)),
            ("spread", table::spread(&results.cases)),
        ] {
            text = replaced(&text, name, &part)?;
        }
        if let Some(growth) = if_there(growth::read(&self.from))? {
            let about = about(&growth.machine, &growth.settings);
            let part = format!("{about}\n{}", table::growth(&growth.points));
            text = replaced(&text, "growth", &part)?;
        }
        if let Some(profile) = if_there(run::read_profile(&self.from))? {
            let about = about(&profile.machine, &profile.settings);
            let part = format!("{about}\n{}", table::all(Shown::UserTimes, &profile.cases));
            text = replaced(&text, "profile", &part)?;
        }
        plot::write(&self.from.join("ratios.svg"), &results.cases)?;
        write(&self.into, &text)
    }
}

/// What was read, or nothing where there is no such file.
fn if_there<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// `text` with `part` between the marks of `name`.
fn replaced(text: &str, name: &str, part: &str) -> io::Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let marked = text.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some(format!("{before}{begin}\n{part}\n{end}{after}"))
    });
    marked.ok_or_else(|| io::Error::other(format!("no marks of \"{name}\"")))
}

fn about(machine: &Machine, settings: &Settings) -> String {
    let Settings {
        rounds,
        seconds,
        pinned,
    } = settings;
    let pinned = match pinned {
        true => "a server with one thread and the load generator each on a core of its own",
        false => "server and load generator on one core",
    };
    let versions: Vec<_> = machine
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    format!(
        "{}, commit {}. {}, {} cores, Linux {}, {}. {rounds} rounds of {seconds} s; {pinned}. {}.\n",
        machine.date,
        machine.commit,
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.rustc,
        versions.join(", "),
    )
}

/// Writes `text` beside the document first, so that it is never half written.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("md.new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- one -->\nold\n<!-- /one -->\nb\n<!-- two -->\n<!-- /two -->\n";
        let text = replaced(text, "one", "new\n").unwrap();
        assert_eq!(
            text,
            "a\n<!-- one -->\n\nnew\n\n<!-- /one -->\nb\n<!-- two -->\n<!-- /two -->\n"
        );
        assert_eq!(replaced(&text, "one", "new\n").unwrap(), text);
    }

    #[test]
    fn a_document_without_the_marks_is_an_error() {
        assert!(replaced("<!-- one -->\n", "one", "").is_err());
        assert!(replaced("<!-- /one -->\n<!-- one -->\n", "one", "").is_err());
        assert!(replaced("", "one", "").is_err());
    }

    #[test]
    fn the_document_of_this_repository_has_the_marks() {
        let text = include_str!("../../BENCHMARKS.md");
        for name in [
            "machine", "verdict", "ratios", "spread", "growth", "profile",
        ] {
            assert!(replaced(text, name, "").is_ok(), "{name}");
        }
    }
}
