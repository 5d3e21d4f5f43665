//! Work shared among threads.
//!
//! Threads live as long as one call. A pool would be dead in a forked child, which would wait for
//! it forever.

use crate::bulk::span::BLOCK;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The default number of threads of a call; 0 until it is known. It needs no lock, since a process
/// may be forked at any moment.
static DEFAULT: AtomicUsize = AtomicUsize::new(0);

/// With fewer points than this a thread would take longer to start than to work. It is started
/// only on request.
const WORTH_A_THREAD: usize = 1 << 17;

/// More threads than any machine has cores.
const MOST_THREADS: usize = 1024;

/// Parts of the work for each thread, so that a thread which starts late can do fewer.
const PARTS_A_THREAD: usize = 4;

/// Sets the number of threads that a large call uses by default, at first that of the cores.
pub fn set_default_threads(threads: NonZeroUsize) {
    DEFAULT.store(threads.get(), Ordering::Relaxed);
}

fn default_threads() -> usize {
    match DEFAULT.load(Ordering::Relaxed) {
        0 => {
            let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
            DEFAULT.store(cores, Ordering::Relaxed);
            cores
        }
        threads => threads,
    }
}

/// The number of threads for a number of points, at most as many as were asked for.
pub(crate) fn threads_for(asked: Option<NonZeroUsize>, points: usize) -> usize {
    let (most, worth) = match asked {
        Some(threads) => (threads.get(), BLOCK),
        None if points < 2 * WORTH_A_THREAD => return 1,
        None => (default_threads(), WORTH_A_THREAD),
    };
    most.min(points / worth).clamp(1, MOST_THREADS)
}

/// The number of points that make one part of the work.
pub(crate) fn part_len(threads: usize, points: usize) -> usize {
    match threads {
        1 => points.max(1),
        _ => points.div_ceil(threads * PARTS_A_THREAD).next_multiple_of(BLOCK),
    }
}

/// Does `work` on every part, on any thread and in any order.
pub(crate) fn share<T: Send>(threads: usize, parts: Vec<T>, work: impl Fn(T) + Sync) {
    if threads == 1 {
        return parts.into_iter().for_each(work);
    }
    let parts = Mutex::new(parts);
    let take = || parts.lock().ok().and_then(|mut parts| parts.pop());
    let until_none_is_left = || {
        while let Some(part) = take() {
            work(part);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // If the system refuses a thread, the others do all the work.
            if thread::Builder::new().spawn_scoped(scope, until_none_is_left).is_err() {
                break;
            }
        }
        until_none_is_left();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_worked_on_once() {
        for threads in [1, 2, 3, 7] {
            let mut values = vec![0; 10_007];
            let parts = values.chunks_mut(100).collect();
            share(threads, parts, |part: &mut [i32]| part.iter_mut().for_each(|value| *value += 1));
            assert_eq!(values, vec![1; 10_007]);
        }
    }

    #[test]
    fn few_points_have_one_thread() {
        assert_eq!(threads_for(None, 1000), 1);
        assert_eq!(threads_for(NonZeroUsize::new(8), BLOCK - 1), 1);
        assert_eq!(threads_for(NonZeroUsize::new(8), 3 * BLOCK), 3);
        assert_eq!(threads_for(NonZeroUsize::new(2), 1 << 30), 2);
    }
}
