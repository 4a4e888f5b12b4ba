//! How many files the process may have open: each connection is one.

/// The limit on open files, where the system tells (Linux).
fn file_limit() -> Option<usize> {
    soft_limit(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

/// The soft limit on open files in `/proc/self/limits`; `unlimited` is no number.
fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix(NAME))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// `max`, or what is left of the limit on open files if that is less.
pub(crate) fn capped(max: usize) -> usize {
    match file_limit() {
        Some(limit) => max.min(limit.saturating_sub(RESERVE).max(1)),
        None => max,
    }
}

const NAME: &str = "Max open files";
/// Files that are open for something else: listeners, logs, the runtime's own.
const RESERVE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
         Max processes             95982                95982                processes\n\
         Max open files            1024                 1048576              files\n";

    #[test]
    fn soft_limit_is_read() {
        assert_eq!(soft_limit(LIMITS), Some(1024));
        assert_eq!(soft_limit(&LIMITS.replace("1024 ", "unlimited ")), None);
        assert_eq!(soft_limit(""), None);
    }

    #[test]
    fn connections_are_capped_by_the_limit_less_a_reserve() {
        assert_eq!(capped(1), 1);
        if let Some(limit) = file_limit() {
            assert_eq!(capped(usize::MAX), limit - RESERVE);
        }
    }
}
