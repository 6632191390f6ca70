//! Histograms as columns of a row of cells: which columns, which bounds, which unit.

use super::cells::Row;

/// Where a histogram lies in a row, and its buckets.
///
/// Takes [`columns`](Self::columns) columns from its first on: one for each bucket, one for what is above all bounds,
/// and the sum. Values are integers of a small unit (nanoseconds, thousandths), so that a sum is one addition; the
/// page shows them divided by units per whole. Meant to be a `const`, so that the compiler sees its numbers.
#[derive(Debug, Clone, Copy)]
pub struct Histogram {
    first_column: usize,
    bounds: Bounds,
    units_per_whole: u32,
}

#[derive(Debug, Clone, Copy)]
enum Bounds {
    Doubling { least: u64, len: u32 },
    Listed(&'static [u64]),
}

impl Histogram {
    /// Buckets up to `least`, 2 · `least`, 4 · `least` … : `len` of them (64 at most), found without a search.
    #[must_use]
    pub const fn doubling(first_column: usize, least: u64, len: u32, units_per_whole: u32) -> Self {
        let least = if least == 0 { 1 } else { least };
        let len_max = least.leading_zeros() + 1;
        let len = if len > len_max { len_max } else { len };
        Self { first_column, bounds: Bounds::Doubling { least, len }, units_per_whole }
    }

    /// Buckets up to each of `bounds`, which must ascend.
    #[must_use]
    pub const fn listed(first_column: usize, bounds: &'static [u64], units_per_whole: u32) -> Self {
        Self { first_column, bounds: Bounds::Listed(bounds), units_per_whole }
    }

    /// How many columns it takes.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.len() + 2
    }

    /// The first column behind it, where the next thing can lie.
    #[must_use]
    pub const fn end_column(&self) -> usize {
        self.first_column + self.columns()
    }

    /// Counts one value: two additions, 2 to 4 ns in cells of one writer.
    #[inline]
    pub fn observe<const N: usize>(&self, row: Row<'_, N>, value: u64) {
        row.add(self.first_column + self.bucket(value), 1);
        row.add(self.first_column + self.len() + 1, value);
    }

    /// The upper bounds, ascending, in wholes.
    pub fn bounds(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.len()).map(|i| match self.bounds {
            Bounds::Doubling { least, .. } => self.wholes(least << i),
            Bounds::Listed(bounds) => self.wholes(bounds.get(i).copied().unwrap_or(u64::MAX)),
        })
    }

    /// How many values each bucket holds, the one above all bounds last; not cumulated.
    pub fn counts<'a, const N: usize>(&self, sums: &'a [u64; N]) -> impl Iterator<Item = u64> + use<'a, N> {
        sums.iter().skip(self.first_column).take(self.len() + 1).copied()
    }

    /// The sum of all values, in wholes.
    #[must_use]
    pub fn sum<const N: usize>(&self, sums: &[u64; N]) -> f64 {
        self.wholes(sums.get(self.first_column + self.len() + 1).copied().unwrap_or(0))
    }

    const fn len(&self) -> usize {
        match self.bounds {
            Bounds::Doubling { len, .. } => len as usize,
            Bounds::Listed(bounds) => bounds.len(),
        }
    }

    #[inline]
    fn bucket(&self, value: u64) -> usize {
        match self.bounds {
            // value ≤ least · 2ⁿ  ⇔  (value − 1) / least < 2ⁿ, and n is the number of bits of that quotient.
            Bounds::Doubling { least, len } => {
                (u64::BITS - (value.saturating_sub(1) / least).leading_zeros()).min(len) as usize
            }
            Bounds::Listed(bounds) => bounds.partition_point(|bound| *bound < value),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a page shows 53 bits of a sum, which is all a reader keeps"
    )]
    fn wholes(&self, value: u64) -> f64 {
        value as f64 / f64::from(self.units_per_whole.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::Cells;
    use super::*;
    use proptest::prelude::*;

    const DOUBLING: Histogram = Histogram::doubling(1, 1_000, 4, 1_000_000_000);
    const LISTED: Histogram = Histogram::listed(DOUBLING.end_column(), &[10, 100, 250], 1_000);
    const COLUMNS: usize = LISTED.end_column();

    fn observed(histogram: &Histogram, values: &[u64]) -> [u64; COLUMNS] {
        let cells = Cells::<COLUMNS>::for_one_writer();
        values.iter().for_each(|v| histogram.observe(cells.row(0), *v));
        let mut sums = [0; COLUMNS];
        cells.add_to(0, &mut sums);
        sums
    }

    #[test]
    fn a_value_on_a_bound_belongs_below_it() {
        let sums = observed(&DOUBLING, &[0, 1_000, 1_001, 2_000, 2_001, 8_000, 8_001, u64::MAX]);
        assert_eq!(DOUBLING.counts(&sums).collect::<Vec<_>>(), [2, 2, 1, 1, 2]);
        let sums = observed(&LISTED, &[0, 10, 11, 250, 251]);
        assert_eq!(LISTED.counts(&sums).collect::<Vec<_>>(), [2, 1, 1, 1]);
    }

    #[test]
    fn histograms_beside_each_other_do_not_touch() {
        let sums = observed(&LISTED, &[5, 1_000]);
        assert_eq!(DOUBLING.counts(&sums).sum::<u64>(), 0);
        assert_eq!((DOUBLING.sum(&sums), LISTED.sum(&sums)), (0.0, 1.005));
        assert_eq!(sums[0], 0);
    }

    #[test]
    fn bounds_are_shown_in_wholes() {
        assert_eq!(DOUBLING.bounds().collect::<Vec<_>>(), [1e-6, 2e-6, 4e-6, 8e-6]);
        assert_eq!(LISTED.bounds().collect::<Vec<_>>(), [0.01, 0.1, 0.25]);
    }

    #[test]
    fn doubling_stops_before_it_overflows() {
        let widest = Histogram::doubling(0, 0, 99, 1);
        assert_eq!((widest.columns(), widest.bucket(u64::MAX)), (66, 64));
        assert_eq!(widest.bounds().last(), Some(2_f64.powi(63)));
    }

    proptest! {
        #[test]
        fn doubling_finds_what_a_search_finds(value: u64, shift in 0_u32..64, least in 1_u64..5_000) {
            let value = value >> shift;
            let histogram = Histogram::doubling(0, least, 20, 1);
            let slow = (0..20).take_while(|n| u128::from(value) > u128::from(least) << n).count();
            prop_assert_eq!(histogram.bucket(value), slow);
        }
    }
}
