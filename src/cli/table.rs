//! How results look: tables, lists of labels, colours.

use std::fmt::Display;

use comfy_table::{Attribute, Cell, ContentArrangement, Table, presets};

/// How results look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Whether with colours.
    pub colours: bool,
    /// Whether on a terminal, to whose width tables are fitted.
    pub tty: bool,
    /// How wide that is, in characters; 0 where it does not matter.
    pub columns: usize,
}

impl Look {
    pub(super) fn bold(self, text: impl Display) -> String {
        self.painted("1", text)
    }

    pub(super) fn dim(self, text: impl Display) -> String {
        self.painted("2", text)
    }

    pub(super) fn green(self, text: impl Display) -> String {
        self.painted("32", text)
    }

    pub(super) fn yellow(self, text: impl Display) -> String {
        self.painted("33", text)
    }

    pub(super) fn red(self, text: impl Display) -> String {
        self.painted("31", text)
    }

    pub(super) fn underlined(self, text: impl Display) -> String {
        self.painted("4", text)
    }

    fn painted(self, code: &str, text: impl Display) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// How wide the terminal is, where there is one.
pub(super) fn columns() -> usize {
    Table::new().width().map_or(0, usize::from)
}

/// Writes rows under a header; `nothing` where there are none.
pub(super) fn table<const N: usize>(
    look: Look,
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    nothing: &str,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if look.tty {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.force_no_tty();
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(header.map(|name| {
        let cell = Cell::new(name);
        if look.colours { cell.add_attribute(Attribute::Bold) } else { cell }
    }));
    table.add_rows(rows);
    if table.is_empty() {
        return format!("{nothing}\n");
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

/// Writes a value behind each label, the values in one column.
pub(super) fn labelled<'l>(look: Look, lines: impl IntoIterator<Item = (&'l str, String)>) -> String {
    let lines: Vec<_> = lines.into_iter().collect();
    let width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
    lines
        .iter()
        .map(|(label, value)| format!("{}  {value}\n", look.dim(format_args!("{label:width$}"))))
        .collect()
}

/// A share of the 10,000 slots as a bar.
pub(super) fn bar(slots: u64) -> String {
    const CELLS: u64 = 30;
    let filled = (slots.min(10_000) * CELLS + 5_000) / 10_000;
    (0..CELLS).map(|cell| if cell < filled { '█' } else { '░' }).collect()
}

/// A share of the 10,000 slots in per cent.
pub(super) fn per_cent(slots: u64) -> String {
    format!("{}.{:02} %", slots / 100, slots % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_plain_text_where_nobody_looks() {
        let rows = [["sales".to_owned(), "3".to_owned()], ["reception".to_owned(), "12".to_owned()]];
        let text = table(Look::default(), ["AGENT", "NUMBERS"], rows, "no agents");
        assert_eq!(text, "AGENT      NUMBERS\nsales      3\nreception  12\n");
        assert_eq!(table(Look::default(), ["AGENT"], [], "no agents"), "no agents\n");
    }

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(0), "░".repeat(30));
        assert_eq!(bar(5_000), "█".repeat(15) + &"░".repeat(15));
        assert_eq!(bar(u64::MAX), "█".repeat(30));
        assert_eq!([per_cent(0), per_cent(3_333), per_cent(10_000)], ["0.00 %", "33.33 %", "100.00 %"]);
    }
}
