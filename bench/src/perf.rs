//! How much of a server's CPU time is its own and not the kernel's, by Linux's `perf`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

/// Samples a server, some thousand times for each second of CPU time.
#[derive(Clone, Debug)]
pub(crate) struct Perf {
    /// Where samples are put.
    data: PathBuf,
}

impl Perf {
    /// Says so if there is no `perf`.
    pub(crate) fn new() -> io::Result<Self> {
        let version = Command::new("perf").arg("--version").output();
        version.map_err(|error| io::Error::new(error.kind(), format!("`perf`: {error}")))?;
        let name = format!("ws76-bench-{}.perf", process::id());
        Ok(Self {
            data: env::temp_dir().join(name),
        })
    }

    /// A command for `program`, while which the process `server` is sampled, but for the first seconds.
    pub(crate) fn command(&self, program: &Path, server: u32, but: f64) -> Command {
        let mut command = Command::new("perf");
        command
            .args(["record", "-q", "-e", "cpu-clock", "-F", "4000"])
            .args(["-p", &server.to_string()])
            .args(["-D", &format!("{:.0}", but * 1000.0)])
            .arg("-o")
            .arg(&self.data)
            .arg("--")
            .arg(program);
        command
    }

    /// The part of the samples that was not in the kernel.
    pub(crate) fn user_part(&self) -> io::Result<f64> {
        let output = Command::new("perf")
            .args(["script", "-F", "ip", "-i"])
            .arg(&self.data)
            .stderr(Stdio::null())
            .output()?;
        let _ = fs::remove_file(&self.data);
        user_part(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| io::Error::other("`perf` has not seen the server's work in the kernel"))
    }
}

/// The part of some addresses that is not the kernel's, which has the upper half of them. Nothing if there is none
/// of the kernel's: it may be that those are not shown.
fn user_part(addresses: &str) -> Option<f64> {
    let addresses = addresses
        .split_whitespace()
        .filter_map(|address| u64::from_str_radix(address, 16).ok());
    let (mut user, mut all) = (0_u32, 0_u32);
    for address in addresses {
        all += 1;
        user += u32::from(address < 1 << 63);
    }
    (user < all).then(|| f64::from(user) / f64::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_half_is_the_kernels() {
        let four = "ffffffff8200da6b \n 55560b73f722 \n 7ffff7fc1000\n ffff888000000000\n";
        assert_eq!(user_part(four), Some(0.5));
        assert_eq!(user_part("ffffffff8200da6b"), Some(0.0));
    }

    #[test]
    fn without_the_kernel_nothing_is_known() {
        assert_eq!(user_part("55560b73f722\n"), None);
        assert_eq!(user_part(""), None);
        assert_eq!(user_part("none"), None);
    }
}
