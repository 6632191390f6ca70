//! CSV as spreadsheets write it: a header row in any order, quotes, either line end.

use csv_core::{ReadRecordResult, Reader as Core};
use memchr::{memchr_iter, memchr2_iter};

use super::Format;
use super::bom::Bom;
use super::reader::{COLUMNS, Cell, Cells, EXPECTED, ROW_BYTES_MAX, Reader};
use crate::domain::import::{RowFaults, Rows};
use crate::http::error::ApiError;
use crate::http::json::faults::quoted;

/// Most columns of a file; more than this cannot all mean something.
const COLUMNS_MAX: usize = 64;

/// What is said of a quote, on the line where it opens.
const UNCLOSED: &str = "a quote that opens here is not closed on its line";

/// Reads CSV as it comes, one row at a time.
pub(super) struct Csv {
    reader: Reader,
    bom: Bom,
    core: Core,
    row: Box<[u8; ROW_BYTES_MAX]>,
    row_bytes: usize,
    ends: [usize; COLUMNS_MAX],
    cells: usize,
    /// Whether the row has more than fits.
    overlong: bool,
    between_rows: bool,
    /// Where it is, and where its row has begun.
    line: u32,
    row_line: u32,
    quotes: Quotes,
    header: Header,
}

/// The quotes of a row: where one opens that goes on over the end of its line.
#[derive(Default)]
struct Quotes {
    /// The line of the one that is open.
    open: Option<u32>,
    /// The line of the first that was open at the end of a line.
    torn: Option<u32>,
}

impl Quotes {
    /// Follows bytes of a row, which begin on a line. A quote that is doubled closes and opens.
    fn follow(&mut self, bytes: &[u8], mut line: u32) {
        for at in memchr2_iter(b'"', b'\n', bytes) {
            if bytes.get(at) == Some(&b'"') {
                self.open = if self.open.is_some() { None } else { Some(line) };
            } else {
                self.torn = self.torn.or(self.open);
                line = line.saturating_add(1);
            }
        }
    }

    /// Where the first opens that is not closed on its line.
    fn unclosed(&self) -> Option<u32> {
        self.torn.or(self.open)
    }
}

/// What the first row says.
enum Header {
    /// It has not come.
    Awaited,
    /// Where each of [`COLUMNS`] is, and how many columns there are.
    Columns([Option<usize>; 5], usize),
    /// It makes no sense, so that no row does.
    Faulty,
}

impl Csv {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader,
            bom: Bom::default(),
            core: Core::new(),
            row: Box::new([0; ROW_BYTES_MAX]),
            row_bytes: 0,
            ends: [0; COLUMNS_MAX],
            cells: 0,
            overlong: false,
            between_rows: true,
            line: 1,
            row_line: 1,
            quotes: Quotes::default(),
            header: Header::Awaited,
        }
    }

    fn text(&mut self, mut text: &[u8]) -> Result<(), ApiError> {
        while !text.is_empty() {
            if self.between_rows {
                // Skipped here and not by the parser, so that a row is known by the line on which it begins.
                let breaks = text.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                text = self.pass(text, breaks);
                self.row_line = self.line;
                self.between_rows = text.is_empty();
                continue;
            }
            let (result, read) = self.advance(text);
            self.quotes.follow(text.get(..read).unwrap_or_default(), self.line);
            text = self.pass(text, read);
            self.result(&result)?;
        }
        Ok(())
    }

    /// Leaves some of a text behind and counts its lines.
    fn pass<'t>(&mut self, text: &'t [u8], bytes: usize) -> &'t [u8] {
        let (passed, rest) = text.split_at_checked(bytes).unwrap_or((text, &[]));
        let lines = memchr_iter(b'\n', passed).count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        rest
    }

    fn advance(&mut self, text: &[u8]) -> (ReadRecordResult, usize) {
        let row = self.row.get_mut(self.row_bytes..).unwrap_or_default();
        let ends = self.ends.get_mut(self.cells..).unwrap_or_default();
        let (result, read, bytes, cells) = self.core.read_record(text, row, ends);
        self.row_bytes += bytes;
        self.cells += cells;
        (result, read)
    }

    fn result(&mut self, result: &ReadRecordResult) -> Result<(), ApiError> {
        match result {
            ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                self.overlong = true;
                (self.row_bytes, self.cells) = (0, 0);
            }
            ReadRecordResult::Record => {
                self.record()?;
                (self.row_bytes, self.cells) = (0, 0);
                (self.overlong, self.between_rows) = (false, true);
                self.quotes = Quotes::default();
            }
        }
        Ok(())
    }

    fn record(&mut self) -> Result<(), ApiError> {
        let line = self.row_line;
        if !matches!(self.header, Header::Awaited) {
            self.reader.count()?;
        }
        if self.overlong {
            let most = format!("is longer than {ROW_BYTES_MAX} bytes or {COLUMNS_MAX} cells");
            match self.quotes.unclosed() {
                Some(opens) => self.reader.fault(opens, "", format!("{UNCLOSED}: the row {most}")),
                None => self.reader.fault(line, "", format!("the row {most}")),
            }
            if matches!(self.header, Header::Awaited) {
                self.header = Header::Faulty;
            }
            return Ok(());
        }
        let Ok(text) = str::from_utf8(self.row.get(..self.row_bytes).unwrap_or_default()) else {
            self.reader.fault(line, "", "the row is no UTF-8: expected a file in UTF-8");
            if matches!(self.header, Header::Awaited) {
                self.header = Header::Faulty;
            }
            return Ok(());
        };
        let ends = self.ends.get(..self.cells).unwrap_or_default();
        let begins = std::iter::once(0).chain(ends.iter().copied());
        // Cells end at bytes, so that a byte of a letter might be on either side.
        let cells = begins.zip(ends).map(|(from, to)| text.get(from..*to).unwrap_or_default().trim());
        if let Some(opens) = self.quotes.unclosed()
            && (self.quotes.open.is_some()
                || matches!(self.header, Header::Columns(_, columns) if columns != self.cells)
                || cells.clone().any(|cell| cell.contains('\n')))
        {
            self.reader.fault(
                opens,
                "",
                format!("{UNCLOSED}: expected another at the end of its cell, or none"),
            );
            if matches!(self.header, Header::Awaited) {
                self.header = Header::Faulty;
            }
            return Ok(());
        }
        match &self.header {
            Header::Awaited => self.header = header(&mut self.reader, line, &cells.collect::<Vec<_>>()),
            Header::Faulty => {}
            Header::Columns(_, columns) if *columns != self.cells => {
                let why = format!("the row has {} cells: expected {columns}, as the first row", self.cells);
                self.reader.fault(line, "", why);
            }
            Header::Columns(places, _) => {
                let cells: Vec<&str> = cells.collect();
                let mut row = Cells::default();
                for (cell, place) in row.iter_mut().zip(places) {
                    *cell = match place.and_then(|place| cells.get(place)) {
                        None => Cell::Absent,
                        Some(&"") => Cell::Empty,
                        Some(text) => Cell::Text(text),
                    };
                }
                self.reader.row(line, row);
            }
        }
        Ok(())
    }
}

/// Finds the columns by their names.
fn header(reader: &mut Reader, line: u32, names: &[&str]) -> Header {
    let mut places = [None; 5];
    let mut sound = true;
    for (at, name) in names.iter().enumerate() {
        let why = match COLUMNS.iter().position(|column| column == name).and_then(|of| places.get_mut(of)) {
            None => format!("{} is no column: {EXPECTED}", quoted(name)),
            Some(Some(_)) => format!("the column {name} is there twice: expected once"),
            Some(place) => {
                *place = Some(at);
                continue;
            }
        };
        reader.fault(line, "", why);
        sound = false;
    }
    let [number, agent, _, split, _] = places;
    if number.is_none() {
        let why = "the column number is missing: expected a first row such as number,agentId,pin";
        reader.fault(line, "", why);
        sound = false;
    }
    if sound && agent.or(split).is_none() {
        reader.fault(line, "", "the columns agentId and splitId are missing: expected one of them, or both");
        sound = false;
    }
    if sound { Header::Columns(places, names.len()) } else { Header::Faulty }
}

impl Format for Csv {
    fn push(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        let (held, rest) = self.bom.strip(bytes);
        self.text(held)?;
        self.text(rest)
    }

    fn end(mut self: Box<Self>) -> Result<(Rows, RowFaults), ApiError> {
        let held = self.bom.end();
        self.text(held)?;
        while !self.between_rows {
            // No bytes: the end.
            let (result, _) = self.advance(&[]);
            self.result(&result)?;
            if matches!(result, ReadRecordResult::End) {
                break;
            }
        }
        if matches!(self.header, Header::Awaited) {
            self.reader.fault(1, "", "there is no row: expected a first row such as number,agentId,pin");
        }
        Ok(self.reader.end())
    }
}
