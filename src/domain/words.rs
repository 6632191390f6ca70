//! Counts as people say them.

/// A count and what is counted: `1 version`, `2 versions`. The word is given for one; `x` takes `es`.
#[must_use]
pub fn counted(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {}", many(one)),
    }
}

fn many(one: &str) -> String {
    if one.ends_with('x') { format!("{one}es") } else { format!("{one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_everything_else_is_many() {
        let told = [(0, "version"), (1, "version"), (2, "version"), (1, "prefix"), (3, "prefix")];
        let told = told.map(|(count, one)| counted(count, one));
        assert_eq!(told, ["0 versions", "1 version", "2 versions", "1 prefix", "3 prefixes"]);
    }
}
