//! NDJSON: an object on each line.

use memchr::memchr;

use super::Format;
use super::bom::Bom;
use super::reader::{COLUMNS, Cell, Cells, EXPECTED, ROW_BYTES_MAX, Reader};
use crate::domain::import::{RowFaults, Rows};
use crate::http::error::ApiError;
use crate::http::json::faults::shown;
use crate::http::json::tree::Tree;

/// Reads NDJSON as it comes, one line at a time.
pub(super) struct Ndjson {
    reader: Reader,
    bom: Bom,
    /// What has come of a line whose end has not.
    begun: Vec<u8>,
    overlong: bool,
    line: u32,
}

impl Ndjson {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, bom: Bom::default(), begun: Vec::new(), overlong: false, line: 1 }
    }

    fn text(&mut self, mut text: &[u8]) -> Result<(), ApiError> {
        while let Some(at) = memchr(b'\n', text) {
            let (end, rest) = text.split_at_checked(at + 1).unwrap_or((text, &[]));
            if self.begun.is_empty() && !self.overlong {
                self.row(end)?;
            } else {
                self.keep(end);
                self.row_begun()?;
            }
            self.line = self.line.saturating_add(1);
            text = rest;
        }
        self.keep(text);
        Ok(())
    }

    fn keep(&mut self, text: &[u8]) {
        if self.begun.len() + text.len() > ROW_BYTES_MAX {
            self.overlong = true;
            self.begun.clear();
        }
        if !self.overlong {
            self.begun.extend_from_slice(text);
        }
    }

    fn row_begun(&mut self) -> Result<(), ApiError> {
        if std::mem::take(&mut self.overlong) {
            self.reader.count()?;
            self.too_long();
            return Ok(());
        }
        let begun = std::mem::take(&mut self.begun);
        self.row(&begun)
    }

    fn too_long(&mut self) {
        self.reader.fault(self.line, "", format!("the line is longer than {ROW_BYTES_MAX} bytes"));
    }

    fn row(&mut self, text: &[u8]) -> Result<(), ApiError> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        self.reader.count()?;
        if text.len() > ROW_BYTES_MAX {
            self.too_long();
            return Ok(());
        }
        match serde_json::from_slice(text) {
            Ok(Tree::Object(members)) => self.object(&members),
            Ok(tree) => {
                let why = format!("the line is {}: expected an object", tree.kind());
                self.reader.fault(self.line, "", why);
            }
            Err(why) => {
                let why = format!("the line is no JSON, at column {}: expected an object", why.column());
                self.reader.fault(self.line, "", why);
            }
        }
        Ok(())
    }

    fn object(&mut self, members: &[(String, Tree)]) {
        let (mut row, mut sound) = (Cells::default(), true);
        for (name, tree) in members {
            let cell = COLUMNS.iter().position(|column| column == name).and_then(|at| row.get_mut(at));
            let why = match (cell, tree) {
                (None, _) => format!("is unknown: {EXPECTED}"),
                (Some(Cell::Empty | Cell::Text(_)), _) => "stands there twice: expected once".to_owned(),
                (Some(cell), Tree::Null) => {
                    *cell = Cell::Empty;
                    continue;
                }
                (Some(cell), Tree::Text(text)) => {
                    *cell = Cell::Text(text);
                    continue;
                }
                (Some(_), tree) => format!("is {}: expected a text", tree.kind()),
            };
            self.reader.fault(self.line, &shown(name), why);
            sound = false;
        }
        if sound {
            self.reader.row(self.line, row);
        }
    }
}

impl Format for Ndjson {
    fn push(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        let (held, rest) = self.bom.strip(bytes);
        self.text(held)?;
        self.text(rest)
    }

    fn end(mut self: Box<Self>) -> Result<(Rows, RowFaults), ApiError> {
        let held = self.bom.end();
        self.text(held)?;
        self.row_begun()?;
        Ok(self.reader.end())
    }
}
