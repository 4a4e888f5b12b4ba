//! How much of a server's CPU time is its own and not the kernel's, by Linux's `perf`.

use std::{
    env, fs,
    io::{self, Read},
    path::PathBuf,
    process::{self, Child, Command, Stdio},
};

use crate::{load::Times, process::Core};

/// Samples of a server, some thousand for each second of its CPU time; ended and forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Sampling {
    perf: Child,
    data: PathBuf,
}

impl Sampling {
    /// Says so if there is no `perf`.
    pub(crate) fn check() -> io::Result<()> {
        let output = Command::new("perf").arg("--version").output();
        match output.map_err(of_perf)? {
            output if output.status.success() => Ok(()),
            output => Err(of_perf(String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    /// Samples the process `server` while a load is measured that begins now: from when it is surely warmed up,
    /// for most of what is measured.
    pub(crate) fn start(
        server: u32,
        connections: usize,
        times: Times,
        core: Option<Core>,
    ) -> io::Result<Self> {
        let skipped = connections as f64 * MOST_OPENING_SECONDS + times.warm_up;
        let end = skipped + MEASURED_PART * times.seconds;
        let name = format!("ws76-bench-{}.perf", process::id());
        let data = env::temp_dir().join(name);
        let mut command = Command::new("perf");
        command
            .args(["record", "-q", "-e", "cpu-clock", "-F", "4000"])
            .args(["-p", &server.to_string()])
            .args(["-D", &format!("{:.0}", skipped * 1000.0)])
            .arg("-o")
            .arg(&data)
            .args(["--", "sleep", &end.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let perf = Core::spawn(core, &mut command).map_err(of_perf)?;
        Ok(Self { perf, data })
    }

    /// The part of the samples that was not in the kernel. Waits for the last of them.
    pub(crate) fn user_part(mut self) -> io::Result<f64> {
        let mut said = String::new();
        if let Some(mut stderr) = self.perf.stderr.take() {
            stderr.read_to_string(&mut said)?;
        }
        if !self.perf.wait()?.success() {
            return Err(of_perf(said.trim()));
        }
        let output = Command::new("perf")
            .args(["script", "-F", "ip", "-i"])
            .arg(&self.data)
            .output()?;
        if !output.status.success() {
            return Err(of_perf(String::from_utf8_lossy(&output.stderr).trim()));
        }
        user_part(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| of_perf("too few samples, or none of the server's work in the kernel"))
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        // It may have ended, and have written nothing.
        let _ = self.perf.kill();
        let _ = self.perf.wait();
        let _ = fs::remove_file(&self.data);
    }
}

fn of_perf(error: impl ToString) -> io::Error {
    io::Error::other(format!("`perf`: {}", error.to_string()))
}

/// The part of some addresses that is not the kernel's, which has the upper half of them. Nothing if they are too
/// few, or if there is none of the kernel's: it may be that those are not shown.
fn user_part(addresses: &str) -> Option<f64> {
    let addresses = addresses
        .split_whitespace()
        .filter_map(|address| u64::from_str_radix(address, 16).ok());
    let (mut user, mut all) = (0_u32, 0_u32);
    for address in addresses {
        all += 1;
        user += u32::from(address < 1 << 63);
    }
    (user < all && all >= FEWEST_SAMPLES).then(|| f64::from(user) / f64::from(all))
}

/// More than it takes to open a connection.
const MOST_OPENING_SECONDS: f64 = 0.000_2;
/// The part of the measured time that is sampled, so that the connections are not closed yet.
const MEASURED_PART: f64 = 0.75;
const FEWEST_SAMPLES: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_half_is_the_kernels() {
        let two = "ffffffff8200da6b \n 55560b73f722 \n";
        assert_eq!(user_part(&two.repeat(50)), Some(0.5));
        let three = "7ffff7fc1000\n ffff888000000000\n ffffffff8200da6b \n ffffffff8200da70\n";
        assert_eq!(user_part(&three.repeat(50)), Some(0.25));
    }

    #[test]
    fn without_the_kernel_or_with_few_samples_nothing_is_known() {
        assert_eq!(user_part(&"55560b73f722\n".repeat(200)), None);
        assert_eq!(user_part(&"ffffffff8200da6b\n".repeat(99)), None);
        assert_eq!(user_part("none"), None);
    }
}
