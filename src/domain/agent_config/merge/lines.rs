//! Texts of several lines, merged by line.

use similar::TextMerge;

use super::Sides;

/// Most lines of a text that is merged by line: the work grows with the square of what differs.
const LINES_MAX: usize = 5_000;

/// The text with the changes of both sides; nothing where they changed the same lines, or where there is but one line.
pub(super) fn merged(sides: Sides<&str>) -> Option<String> {
    let has_lines = |text: &str| text.contains('\n');
    let is_long = |text: &str| text.lines().nth(LINES_MAX).is_some();
    let Sides { base, ours, theirs } = sides;
    if !has_lines(base) || [base, ours, theirs].into_iter().any(is_long) {
        return None;
    }
    let together = |ours: &str, theirs: &str| {
        let merge = TextMerge::from_lines(base, ours, theirs);
        (!merge.is_conflicted()).then(|| merge.to_string())
    };
    // Where lines repeat, what was put together may be taken apart otherwise. What would not stay when it is merged again is
    // no more than a guess.
    let stays = |text: &String| {
        let again =
            |ours: &str, theirs: &str| ours == theirs || together(ours, theirs).as_ref() == Some(text);
        text != base && again(text, theirs) && again(ours, text)
    };
    together(ours, theirs).filter(stays)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text of a few short lines, of which many are the same.
    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec("[ab]\n", 0..7).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn what_was_merged_stays_when_it_is_merged_again(base in text(), ours in text(), theirs in text()) {
            prop_assume!(ours != base && theirs != base && ours != theirs);
            if let Some(text) = merged(Sides { base: &base, ours: &ours, theirs: &theirs }) {
                prop_assert!(text != base);
                for (ours, theirs) in [(&text, &theirs), (&ours, &text)] {
                    let again = merged(Sides { base: &base, ours, theirs });
                    prop_assert!(ours == theirs || again.as_ref() == Some(&text), "{:?}", again);
                }
            }
        }
    }

    fn told(base: &str, ours: &str, theirs: &str) -> Option<String> {
        let text = |words: &str| words.split(' ').map(|word| format!("{word}\n")).collect::<String>();
        let merged = merged(Sides { base: &text(base), ours: &text(ours), theirs: &text(theirs) })?;
        Some(merged.lines().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn changes_of_different_lines_are_put_together_and_of_one_line_are_not() {
        let merged = |ours, theirs| told("a b c d e f", ours, theirs);
        assert_eq!(merged("A b c d e f", "a b c d e F").as_deref(), Some("A b c d e F"));
        assert_eq!(merged("a c d e f", "a b c d e f g").as_deref(), Some("a c d e f g"));
        assert_eq!(merged("a b x c d e f", "a b c d f").as_deref(), Some("a b x c d f"));
        assert_eq!(merged("a b X d e f", "a b X d e F").as_deref(), Some("a b X d e F"));
        assert_eq!(merged("a b X d e f", "a b Y d e f"), None);
        assert_eq!(merged("a b d e f", "a b C d e f"), None);
    }

    #[test]
    fn one_line_and_very_many_lines_are_no_matter_of_lines() {
        assert_eq!(merged(Sides { base: "a b c", ours: "A b c", theirs: "a b C" }), None);
        let many = "x\n".repeat(LINES_MAX);
        let (ours, theirs) = (format!("a\n{many}"), format!("{many}b\n"));
        assert_eq!(merged(Sides { base: &many, ours: &ours, theirs: &theirs }), None);
        let fewer = "x\n".repeat(LINES_MAX - 1);
        let (ours, theirs) = (format!("a\n{fewer}"), format!("{fewer}b\n"));
        assert!(merged(Sides { base: &fewer, ours: &ours, theirs: &theirs }).is_some());
    }
}
