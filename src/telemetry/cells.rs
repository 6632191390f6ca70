//! Counters of one worker: rows of plain cells that nobody else writes.
//!
//! A counter that two threads share costs each of them the other's cache line, hundreds of nanoseconds; a cell of
//! one's own is a load, an addition and a store. Readers add up the cells of all workers when they are asked, and
//! never write, so that they cannot hold a worker up.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::chunks::{Chunks, LEN_MAX};

/// How many rows a worker can count in; what is meant for further rows is shed, and counted.
pub const ROWS_MAX: u32 = LEN_MAX;

/// The cells of one worker: rows by dense id, each of `N` columns that count up, wrapping at 2⁶⁴.
///
/// A row appears when it is first counted in (256 at a time, once, microseconds). Cells are never set back: whoever
/// reads remembers where a series began ([`Series`](super::series::Series)).
pub struct Cells<const N: usize> {
    rows: Chunks<RowCells<N>>,
    /// Takes what belongs to rows that cannot be, so that counting has no failing case.
    spill: RowCells<N>,
    shed: AtomicU64,
    writers: Writers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writers {
    One,
    Many,
}

struct RowCells<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for RowCells<N> {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }
}

impl<const N: usize> Cells<N> {
    /// Cells that one task at a time writes: 1 to 3 ns for each addition.
    ///
    /// Two writers at once would lose counts (and nothing worse).
    #[must_use]
    pub fn for_one_writer() -> Self {
        Self::new(Writers::One)
    }

    /// Cells that any thread may write, by locked additions: for paths that are not hot.
    #[must_use]
    pub fn for_many_writers() -> Self {
        Self::new(Writers::Many)
    }

    fn new(writers: Writers) -> Self {
        Self { rows: Chunks::new(), spill: RowCells::default(), shed: AtomicU64::new(0), writers }
    }

    /// The row to count in; look it up once where several columns change.
    #[inline]
    #[must_use]
    pub fn row(&self, row: u32) -> Row<'_, N> {
        let cells = self.rows.get_or_make(row).unwrap_or_else(|| self.spilled());
        Row { cells: &cells.0, writers: self.writers }
    }

    /// Adds to one column of one row.
    #[inline]
    pub fn add(&self, row: u32, column: usize, n: u64) {
        self.row(row).add(column, n);
    }

    /// Adds this worker's cells of a row to `sums`, wrapping; for readers on any thread.
    pub fn add_to(&self, row: u32, sums: &mut [u64; N]) {
        if let Some(cells) = self.rows.get(row) {
            for (sum, cell) in sums.iter_mut().zip(&cells.0) {
                *sum = sum.wrapping_add(cell.load(Relaxed));
            }
        }
    }

    /// How often a row from [`ROWS_MAX`] on was asked for, and its counts shed.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.shed.load(Relaxed)
    }

    #[cold]
    fn spilled(&self) -> &RowCells<N> {
        self.shed.fetch_add(1, Relaxed);
        &self.spill
    }
}

impl<const N: usize> fmt::Debug for Cells<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cells").field("columns", &N).field("shed", &self.shed()).finish_non_exhaustive()
    }
}

/// One row of a worker's [`Cells`].
#[derive(Clone, Copy)]
pub struct Row<'a, const N: usize> {
    cells: &'a [AtomicU64; N],
    writers: Writers,
}

impl<const N: usize> Row<'_, N> {
    /// Adds to a column; a column from `N` on is none and takes nothing.
    #[inline]
    pub fn add(&self, column: usize, n: u64) {
        let Some(cell) = self.cells.get(column) else { return };
        match self.writers {
            Writers::One => cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed),
            Writers::Many => {
                cell.fetch_add(n, Relaxed);
            }
        }
    }

    /// Takes from a column that goes up and down, e.g. what is in progress.
    ///
    /// One worker may add and another take: only the sum over all, read as `i64`, has a meaning.
    #[inline]
    pub fn take(&self, column: usize, n: u64) {
        self.add(column, n.wrapping_neg());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const N: usize>(cells: &Cells<N>, row: u32) -> [u64; N] {
        let mut sums = [0; N];
        cells.add_to(row, &mut sums);
        sums
    }

    #[test]
    fn a_row_counts_only_what_was_added_to_it() {
        let cells = Cells::<2>::for_one_writer();
        cells.add(3, 0, 5);
        cells.row(3).add(1, 7);
        cells.add(4, 1, 1);
        cells.add(3, 2, 9);
        assert_eq!((read(&cells, 3), read(&cells, 4), read(&cells, 2)), ([5, 7], [0, 1], [0, 0]));
        assert_eq!(read(&cells, ROWS_MAX - 1), [0, 0], "reading makes no rows");
    }

    #[test]
    fn what_one_worker_adds_another_can_take() {
        let (first, second) = (Cells::<1>::for_one_writer(), Cells::<1>::for_one_writer());
        first.add(0, 0, 2);
        second.row(0).take(0, 1);
        let mut sums = [0];
        first.add_to(0, &mut sums);
        second.add_to(0, &mut sums);
        assert_eq!(sums, [1]);
        second.row(0).take(0, 3);
        let mut sums = [0];
        first.add_to(0, &mut sums);
        second.add_to(0, &mut sums);
        assert_eq!(sums[0].cast_signed(), -2);
    }

    #[test]
    fn rows_beyond_the_limit_are_shed_and_counted() {
        let cells = Cells::<1>::for_one_writer();
        cells.add(ROWS_MAX, 0, 1);
        cells.add(u32::MAX, 0, 1);
        assert_eq!((cells.shed(), read(&cells, ROWS_MAX)), (2, [0]));
    }

    #[test]
    fn many_writers_lose_nothing() {
        let cells = Cells::<1>::for_many_writers();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..50_000).for_each(|_| cells.add(9, 0, 1)));
            }
        });
        assert_eq!(read(&cells, 9), [100_000]);
    }
}
