//! Two values side by side, for terminals that are wide enough.

use similar::{ChangeTag, TextDiff};

use super::CONTEXT;
use crate::cli::table::Look;
use crate::cli::words::clean;

/// The narrowest terminal on which values stand side by side.
pub(super) const COLUMNS_MIN: usize = 120;

/// What stands before the left side, and between the two.
const INDENT: &str = "    ";
const BETWEEN: &str = " │ ";

/// Pieces of a line, and whether each stands out.
type Line = Vec<(bool, String)>;

/// Both values, the lines that belong together in one row; what differs within a line stands out.
pub(super) fn changed(from: &str, to: &str, look: Look) -> String {
    let width = look.columns.saturating_sub(INDENT.len() + BETWEEN.chars().count()) / 2;
    let difference = TextDiff::from_lines(from, to);
    let mut text = String::new();
    for (at, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            text += &format!("{INDENT}{}\n", look.dim("…"));
        }
        for operation in group {
            let (mut gone, mut come) = (Vec::new(), Vec::new());
            for change in difference.iter_inline_changes(operation) {
                let sign = match change.tag() {
                    ChangeTag::Delete => "- ",
                    ChangeTag::Insert => "+ ",
                    ChangeTag::Equal => "  ",
                };
                let pieces = change.iter_strings_lossy();
                let pieces = pieces.map(|(out, piece)| (out, clean(piece.trim_end_matches(['\n', '\r']))));
                let line: Line = std::iter::once((false, sign.to_owned())).chain(pieces).collect();
                match change.tag() {
                    ChangeTag::Delete => gone.push((line, RED)),
                    ChangeTag::Insert => come.push((line, GREEN)),
                    ChangeTag::Equal => {
                        gone.push((line.clone(), DIM));
                        come.push((line, DIM));
                    }
                }
            }
            text += &rows(&gone, &come, width, look);
        }
    }
    text
}

/// How a line is coloured.
type Paint = fn(Look, String) -> String;
const RED: Paint = |look, text| look.red(text);
const GREEN: Paint = |look, text| look.green(text);
const DIM: Paint = |look, text| look.dim(text);

/// Lines of both sides, row by row; a side that has none left is blank.
fn rows(left: &[(Line, Paint)], right: &[(Line, Paint)], width: usize, look: Look) -> String {
    let mut text = String::new();
    for at in 0..left.len().max(right.len()) {
        let folded = |side: &[(Line, Paint)]| {
            side.get(at).map(|(line, paint)| folded(line, *paint, width, look)).unwrap_or_default()
        };
        let (left, right) = (folded(left), folded(right));
        for row in 0..left.len().max(right.len()) {
            let (shown, used) = left.get(row).cloned().unwrap_or_default();
            let right = right.get(row).map(|(shown, _)| shown.as_str()).unwrap_or_default();
            let blank = " ".repeat(width.saturating_sub(used));
            text += format!("{INDENT}{shown}{blank}{}{right}", look.dim(BETWEEN)).trim_end();
            text.push('\n');
        }
    }
    text
}

/// A line in rows of a width, each with how many characters are seen of it.
fn folded(line: &Line, paint: Paint, width: usize, look: Look) -> Vec<(String, usize)> {
    let mut rows = vec![(String::new(), 0)];
    for (stands_out, piece) in line {
        let mut rest: Vec<char> = piece.chars().collect();
        while !rest.is_empty() {
            let used = rows.last().map_or(0, |(_, used)| *used);
            let fits = rest.len().min(width.saturating_sub(used));
            if fits == 0 {
                rows.push((String::new(), 0));
                if width == 0 {
                    break;
                }
                continue;
            }
            let after = rest.split_off(fits);
            let shown = paint(look, rest.into_iter().collect());
            if let Some((row, used)) = rows.last_mut() {
                *row += &if *stands_out { look.underlined(shown) } else { shown };
                *used += fits;
            }
            rest = after;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDE: Look = Look { colours: false, tty: true, columns: COLUMNS_MIN };

    #[test]
    fn lines_that_belong_together_are_in_one_row_and_long_ones_are_folded() {
        let told = changed("One.\nTwo.\n", &format!("One.\nThree.\n{}\n", "x".repeat(60)), WIDE);
        let row = |left: &str, right: &str| format!("    {left:56} │ {right}").trim_end().to_owned() + "\n";
        let rest = format!("{}\n", "x".repeat(60));
        let expected = row("  One.", "  One.")
            + &row("- Two.", "+ Three.")
            + &row("", &format!("+ {}", rest.trim_end().get(..54).unwrap()))
            + &row("", "xxxxxx");
        assert_eq!(told, expected);
    }

    #[test]
    fn what_differs_within_a_line_stands_out_on_both_sides() {
        let told = changed("You are kind today.\n", "You are brief today.\n", Look { colours: true, ..WIDE });
        assert!(told.contains("\x1b[4m\x1b[31mkind\x1b[0m\x1b[0m"), "{told:?}");
        assert!(told.contains("\x1b[4m\x1b[32mbrief\x1b[0m\x1b[0m"), "{told:?}");
    }

    proptest! {
        #[test]
        fn no_row_is_wider_than_the_terminal_and_nothing_new_is_left_out(
            from in "([a-c ]{0,90}\n){0,4}", to in "([d-f ]{0,90}\n){0,4}", columns in COLUMNS_MIN..200
        ) {
            let told = changed(&from, &to, Look { columns, ..WIDE });
            prop_assert!(told.lines().all(|row| row.chars().count() <= columns));
            let letters = |text: &str| -> String { text.chars().filter(|c| ('a'..='f').contains(c)).collect() };
            let side = |at: usize| -> String {
                told.lines().filter_map(|row| row.split('│').nth(at)).map(letters).collect()
            };
            prop_assert_eq!(side(0), letters(&from));
            prop_assert_eq!(side(1), letters(&to));
        }
    }
}
