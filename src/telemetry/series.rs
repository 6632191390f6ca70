//! What the rows of cells mean: labels for each row, sums over all workers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, fence};

use arc_swap::ArcSwapOption;

use super::cells::{Cells, ROWS_MAX};
use super::chunks::Chunks;
use super::page::Labels;
use super::shards::ShardSet;

/// Rows of `N` columns that all workers count in, and the labels of those rows; clones are the same series.
///
/// Nothing here takes a lock that a worker could wait for, nor does a scrape hold up [`begin`](Self::begin).
///
/// Row ids are dense and used again. A worker's cells are never set back, since only the worker may write them:
/// instead each series remembers the sums at which its row began, and shows what came on top.
pub struct Series<const N: usize>(Arc<Inner<N>>);

struct Inner<const N: usize> {
    workers: ShardSet<Cells<N>>,
    named: Chunks<ArcSwapOption<Named<N>>>,
    /// First row that never had labels.
    end_row: AtomicU32,
}

struct Named<const N: usize> {
    labels: Labels,
    floor: [u64; N],
}

/// A series at one moment.
#[derive(Debug, Clone)]
pub struct Reading<const N: usize> {
    /// Its row.
    pub row: u32,
    /// Its labels.
    pub labels: Labels,
    /// Sums over all workers since the series began, by column.
    pub sums: [u64; N],
}

impl<const N: usize> Reading<N> {
    /// A column that goes up and down.
    #[must_use]
    pub fn signed(&self, column: usize) -> i64 {
        self.count(column).cast_signed()
    }

    /// A column that only goes up.
    #[must_use]
    pub fn count(&self, column: usize) -> u64 {
        self.sums.get(column).copied().unwrap_or(0)
    }
}

impl<const N: usize> Series<N> {
    /// No series and no workers yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner { workers: ShardSet::new(), named: Chunks::new(), end_row: AtomicU32::new(0) }))
    }

    /// Cells for a worker that starts, which it alone writes.
    #[must_use]
    pub fn worker(&self) -> Arc<Cells<N>> {
        self.0.workers.register(Cells::for_one_writer())
    }

    /// Cells for whoever counts seldom, on any thread.
    #[must_use]
    pub fn shared_worker(&self) -> Arc<Cells<N>> {
        self.0.workers.register(Cells::for_many_writers())
    }

    /// Gives a row its labels: from now on it is shown, from zero. Does nothing if the row has these labels.
    ///
    /// To be called before workers can count in the row: what they counted earlier is nobody's. Rows from
    /// [`ROWS_MAX`] on are not taken.
    pub fn begin(&self, row: u32, labels: Labels) {
        let Some(slot) = self.0.named.get_or_make(row) else { return };
        if slot.load().as_ref().is_some_and(|named| named.labels == labels) {
            return;
        }
        slot.store(Some(Arc::new(Named { labels, floor: sums(&self.0.workers.all(), row) })));
        self.0.end_row.fetch_max(row.saturating_add(1), Relaxed);
    }

    /// Shows a row no longer, and leaves its id free to begin again.
    ///
    /// To be called when nothing is in progress in it: what is counted afterwards is nobody's, or the next series'.
    pub fn end(&self, row: u32) {
        if let Some(slot) = self.0.named.get(row) {
            slot.store(None);
        }
    }

    /// All series now, by row; workers count on meanwhile.
    ///
    /// Costs about `N` × workers nanoseconds for each row. A row that changes hands just now is left out.
    #[must_use]
    pub fn read(&self) -> Vec<Reading<N>> {
        let rows = 0..self.0.end_row.load(Relaxed).min(ROWS_MAX);
        let named: Vec<_> = rows.filter_map(|row| Some((row, self.0.named.get(row)?.load_full()?))).collect();
        // Listed after the series, so that it has every worker whose cells are part of a series' floor.
        let workers = self.0.workers.all();
        named.into_iter().filter_map(|(row, named)| self.read_row(&workers, row, &named)).collect()
    }

    /// How often workers were asked for rows that cannot be.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.0.workers.all().iter().map(|cells| cells.shed()).sum()
    }

    fn read_row(&self, workers: &[Arc<Cells<N>>], row: u32, named: &Arc<Named<N>>) -> Option<Reading<N>> {
        let mut sums = sums(workers, row);
        // The row may have gone to another series by now, and then the sums are not this one's.
        fence(Acquire);
        if !self.0.named.get(row)?.load().as_ref().is_some_and(|now| Arc::ptr_eq(now, named)) {
            return None;
        }
        for (sum, floor) in sums.iter_mut().zip(&named.floor) {
            *sum = sum.wrapping_sub(*floor);
        }
        Some(Reading { row, labels: named.labels.clone(), sums })
    }
}

fn sums<const N: usize>(workers: &[Arc<Cells<N>>], row: u32) -> [u64; N] {
    let mut sums = [0; N];
    for cells in workers {
        cells.add_to(row, &mut sums);
    }
    sums
}

impl<const N: usize> Default for Series<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Clone for Series<N> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<const N: usize> fmt::Debug for Series<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series")
            .field("columns", &N)
            .field("end_row", &self.0.end_row)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn labels(text: &str) -> Labels {
        Labels::new(&[("version", text)])
    }

    #[test]
    fn a_series_is_the_sum_of_all_workers() {
        let series = Series::<2>::new();
        series.begin(4, labels("V1"));
        series.worker().add(4, 0, 2);
        series.shared_worker().add(4, 0, 3);
        let read = series.read();
        assert_eq!((read.len(), read[0].row, read[0].sums), (1, 4, [5, 0]));
        assert_eq!((read[0].count(0), read[0].signed(9)), (5, 0));
    }

    #[test]
    fn a_row_used_again_starts_from_zero() {
        let series = Series::<1>::new();
        let worker = series.worker();
        series.begin(0, labels("V1"));
        worker.add(0, 0, 10);
        series.begin(0, labels("V1"));
        assert_eq!(series.read()[0].sums, [10], "beginning twice changes nothing");
        series.end(0);
        assert!(series.read().is_empty());
        worker.add(0, 0, 1);
        series.begin(0, labels("V2"));
        worker.add(0, 0, 3);
        assert_eq!((series.read()[0].labels.clone(), series.read()[0].sums), (labels("V2"), [3]));
        series.begin(0, labels("V3"));
        assert_eq!(series.read()[0].sums, [0], "a row that changes hands starts from zero too");
    }

    #[test]
    fn a_row_that_cannot_be_is_not_taken() {
        let series = Series::<1>::new();
        series.begin(u32::MAX, labels("V1"));
        series.end(u32::MAX);
        series.worker().add(u32::MAX, 0, 1);
        assert!(series.read().is_empty());
        assert_eq!(series.shed(), 1);
    }

    #[test]
    fn workers_lose_nothing_while_they_are_read() {
        const EACH: u64 = 200_000;
        let series = Series::<2>::new();
        series.begin(1, labels("V1"));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..2)
                .map(|_| {
                    let cells = series.worker();
                    scope.spawn(move || (0..EACH).for_each(|_| cells.row(1).add(0, 1)))
                })
                .collect();
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Relaxed) {
                    let now = series.read()[0].sums[0];
                    assert!(now >= last, "a counter fell from {last} to {now}");
                    last = now;
                }
            });
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            done.store(true, Relaxed);
        });
        assert_eq!(series.read()[0].sums, [2 * EACH, 0]);
    }

    #[test]
    fn a_scrape_never_shows_one_series_with_the_counts_of_another() {
        const ROWS: u32 = 100;
        let series = Series::<1>::new();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 0..400_u32 {
                    // Workers come, too, while a scrape runs.
                    let cells =
                        if turn % 40 == 0 { series.worker() } else { series.0.workers.all()[0].clone() };
                    for row in 0..ROWS {
                        series.begin(row, labels(if turn % 2 == 0 { "even" } else { "odd" }));
                        cells.add(row, 0, if turn % 2 == 0 { 2 } else { 3 });
                    }
                }
                done.store(true, Relaxed);
            });
            while !done.load(Relaxed) {
                for reading in series.read() {
                    let most = if reading.labels == labels("even") { 2 } else { 3 };
                    assert!([0, most].contains(&reading.sums[0]), "{reading:?}");
                }
            }
        });
    }
}
