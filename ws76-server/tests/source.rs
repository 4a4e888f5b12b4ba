//! What must not be in the source of the server.

use std::{fs, path::Path};

/// Calls `check` with every file of `src`.
fn each_source(check: &mut dyn FnMut(&Path, &str)) {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // The checks of interleavings are tests.
            if path.to_string_lossy().contains("interleavings") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                check(&path, &fs::read_to_string(&path).unwrap());
            }
        }
    }
}

#[test]
fn p10_no_clock_but_the_monotonic_one_is_read() {
    // P10
    let mut count = 0;
    each_source(&mut |path, source| {
        for name in ["SystemTime", "UNIX_EPOCH", "chrono"] {
            assert!(!source.contains(name), "{}: {name}", path.display());
        }
        count += usize::from(source.contains("Instant::now()"));
    });
    assert_ne!(count, 0, "the check looks at the right files");
}
