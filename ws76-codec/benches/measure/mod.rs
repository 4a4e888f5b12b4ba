//! A group of benchmarks over the same bytes, and how two of them compare.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};

/// Benchmarks of one shape of input.
pub(crate) struct Group<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    name: String,
    /// Frames, or bytes that come alone: what the difference is given for.
    count: usize,
}

/// A benchmark that was run, and its best time.
#[derive(Clone, Copy)]
pub(crate) struct Timed {
    name: &'static str,
    seconds: f64,
}

impl<'a> Group<'a> {
    /// `len` bytes in `count` parts.
    pub(crate) fn new(criterion: &'a mut Criterion, name: &str, len: usize, count: usize) -> Self {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(len as u64));
        Self {
            group,
            name: name.into(),
            count,
        }
    }

    /// Measures `routine`.
    pub(crate) fn of(&mut self, name: &'static str, mut routine: impl FnMut()) -> Timed {
        self.timed(name, |iterations| {
            let start = Instant::now();
            for _ in 0..iterations {
                routine();
            }
            start.elapsed()
        })
    }

    /// Measures `routine` on buffers that `bytes` were written into, as a read does. Buffers are
    /// used again, and lie in the cache.
    pub(crate) fn of_buffers(
        &mut self,
        name: &'static str,
        bytes: &[u8],
        mut routine: impl FnMut(&mut BytesMut),
    ) -> Timed {
        let mut buffers = vec![BytesMut::new(); (IN_CACHE / bytes.len()).clamp(1, 64)];
        self.timed(name, |iterations| {
            let mut elapsed = Duration::ZERO;
            let mut left = iterations;
            while left > 0 {
                let batch = left.min(buffers.len() as u64);
                for buffer in &mut buffers {
                    buffer.clear();
                    buffer.extend_from_slice(bytes);
                }
                let start = Instant::now();
                buffers
                    .iter_mut()
                    .zip(0..batch)
                    .for_each(|(buffer, _)| routine(buffer));
                elapsed += start.elapsed();
                left -= batch;
            }
            elapsed
        })
    }

    /// Says how `ours` compares with `limit`, if both were run.
    pub(crate) fn compare(&self, ours: Timed, limit: Timed) {
        if ours.seconds.is_finite() && limit.seconds.is_finite() {
            println!(
                "{}: {} has {:.2} of the speed of {}, and takes {:.1} ns more{}\n",
                self.name,
                ours.name,
                limit.seconds / ours.seconds,
                limit.name,
                (ours.seconds - limit.seconds) * 1e9 / self.count as f64,
                if self.count > 1 { " each" } else { "" },
            );
        }
    }

    fn timed(&mut self, name: &'static str, mut run: impl FnMut(u64) -> Duration) -> Timed {
        let mut seconds = f64::INFINITY;
        self.group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let elapsed = run(iterations);
                seconds = seconds.min(elapsed.as_secs_f64() / iterations as f64);
                elapsed
            });
        });
        Timed { name, seconds }
    }
}

/// What surely is in the second level of the cache.
const IN_CACHE: usize = 64 << 10;
