//! Rows as they were written become rows as they are meant.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use hyper::StatusCode;

use crate::api::route::destination;
use crate::domain::address::{InvalidAddress, Number};
use crate::domain::id::{AgentId, Pin, SiteVariantId, SplitId};
use crate::domain::import::{Place, RowFault, RowFaults, Rows, Said, SaidSite};
use crate::http::error::ApiError;
use crate::http::json::faults::{CODE, quoted};

/// Longest row, in bytes: far longer than five names can be, and short enough to be kept while it comes.
pub(super) const ROW_BYTES_MAX: usize = 4_096;

/// What rows may say.
pub(super) const COLUMNS: [&str; 5] = ["number", "agentId", "pin", "splitId", "siteVariantId"];

/// What is to be written instead of a name that means nothing.
pub(super) const EXPECTED: &str = "expected number, agentId, pin, splitId or siteVariantId";

/// What a row says in one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Cell<'t> {
    /// There is no such column.
    #[default]
    Absent,
    /// Nothing.
    Empty,
    /// This.
    Text(&'t str),
}

impl<'t> Cell<'t> {
    fn text(self) -> Option<&'t str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Empty => None,
        }
    }
}

/// The cells of a row, in the order of [`COLUMNS`].
pub(super) type Cells<'t> = [Cell<'t>; 5];

/// Collects rows. What most rows say others have said before them: that is read once.
#[derive(Debug)]
pub(super) struct Reader {
    rows: Rows,
    faults: RowFaults,
    rows_seen: usize,
    rows_max: usize,
    said: HashMap<Box<str>, u32, FixedState>,
    /// Everything but the number, as one text.
    key: String,
}

impl Reader {
    pub(super) fn new(rows_max: usize) -> Self {
        Self {
            rows: Rows::default(),
            faults: RowFaults::default(),
            rows_seen: 0,
            rows_max,
            said: HashMap::default(),
            key: String::new(),
        }
    }

    /// Notes what is wrong with a row.
    pub(super) fn fault(&mut self, line: u32, field: &str, message: impl Into<String>) {
        self.faults.push(RowFault { line, field: field.to_owned(), message: message.into(), code: CODE });
    }

    /// Counts a row, whether or not it can be read.
    ///
    /// # Errors
    /// 413 where it is one too many.
    pub(super) fn count(&mut self) -> Result<(), ApiError> {
        self.rows_seen += 1;
        if self.rows_seen <= self.rows_max {
            return Ok(());
        }
        let most = self.rows_max;
        let message = format!("the import has more than {most} rows, which limits.import_rows_max allows");
        Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message))
    }

    /// Takes a row.
    pub(super) fn row(&mut self, line: u32, cells: Cells<'_>) {
        let [number, rest @ ..] = cells;
        let number = self.number(line, number);
        self.key.clear();
        for cell in rest {
            self.key.push(match cell {
                Cell::Absent => '\u{1}',
                Cell::Empty => '\u{2}',
                Cell::Text(_) => '\u{3}',
            });
            self.key.push_str(cell.text().unwrap_or_default());
        }
        let said = match self.said.get(self.key.as_str()) {
            Some(said) => Some(*said),
            None => self.read(line, rest),
        };
        if let (Some(number), Some(said)) = (number, said) {
            self.rows.push(number, Place { line, said });
        }
    }

    /// Everything that was read.
    pub(super) fn end(self) -> (Rows, RowFaults) {
        (self.rows, self.faults)
    }

    fn number(&mut self, line: u32, cell: Cell<'_>) -> Option<Number> {
        let Some(text) = cell.text() else {
            self.fault(line, "number", format!("is missing: expected {}", InvalidAddress::EXPECTED));
            return None;
        };
        let number = Number::parse(text).map_err(|why| RowFault {
            line,
            field: "number".to_owned(),
            message: format!("{} is none: {why}: expected {}", quoted(text), InvalidAddress::EXPECTED),
            code: "PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT",
        });
        number.map_err(|fault| self.faults.push(fault)).ok()
    }

    fn read(&mut self, line: u32, [agent, pin, split, site]: [Cell<'_>; 4]) -> Option<u32> {
        let before = self.faults.total();
        let agent = self.value(line, "agentId", agent, AgentId::parse);
        let pin = self.value(line, "pin", pin, |text| {
            Pin::parse(text).ok_or_else(|| format!("{} is no pin: expected {}", quoted(text), Pin::EXPECTED))
        });
        let split = self.value(line, "splitId", split, SplitId::parse);
        let said_site = self.value(line, "siteVariantId", site, SiteVariantId::parse);
        if self.faults.total() > before {
            return None;
        }
        let to = destination(agent, pin, split).map_err(|(field, why)| self.fault(line, field, why)).ok()?;
        let site = if site == Cell::Absent { SaidSite::Kept } else { SaidSite::Put(said_site) };
        let said = self.rows.said(Said { to, site });
        self.said.insert(self.key.as_str().into(), said);
        Some(said)
    }

    fn value<T, E: ToString>(
        &mut self,
        line: u32,
        field: &str,
        cell: Cell<'_>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(cell.text()?).map_err(|why| self.fault(line, field, why.to_string())).ok()
    }
}
