//! The order of a list's items.

use serde_json::{Value, json};

use super::super::compare::id;
use super::Sides;

/// All items of two sides in their order.
pub(super) struct Ordered<'i> {
    /// Their ids.
    pub(super) ids: Vec<&'i str>,
    /// The orders of what all sides have, where both changed it differently; then the items are in that of ours.
    pub(super) conflict: Option<Sides<Value>>,
}

/// Items in the order of the side that changed it, each that the other side alone has behind the one that it follows there.
///
/// Cost: the square of how many items there are, of which there are few thousand.
pub(super) fn merged<'i>(ids: Sides<&[&'i str]>) -> Ordered<'i> {
    let Sides { base, ours, theirs } = ids;
    let is_common = |id: &&&str| [base, ours, theirs].iter().all(|ids| ids.contains(*id));
    let common = ids.map(|ids| ids.iter().filter(is_common).copied().collect::<Vec<_>>());
    let [ours_is_new, theirs_is_new] = [&common.ours, &common.theirs].map(|order| *order != common.base);
    let has_conflict = ours_is_new && theirs_is_new && common.ours != common.theirs;
    let (first, second) = if theirs_is_new && !ours_is_new { (theirs, ours) } else { (ours, theirs) };
    let mut ordered = first.to_vec();
    let mut place = 0;
    for id in second {
        if let Some(at) = ordered.iter().position(|known| known == id) {
            place = at + 1;
            continue;
        }
        // Where both added something at one place, this comes second.
        while ordered.get(place).is_some_and(|next| !second.contains(next)) {
            place += 1;
        }
        ordered.insert(place, id);
        place += 1;
    }
    Ordered { ids: ordered, conflict: has_conflict.then(|| common.map(|ids| json!(ids))) }
}

/// Items in an order that is given by ids, or by items; those that it does not name keep their places behind those before
/// them.
pub(super) fn by_ids(items: Vec<(String, Value)>, order: Option<&Value>) -> Value {
    let order = order.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = order.iter().map(|named| named.as_str().unwrap_or_else(|| id(named))).collect();
    let mut rank = 0;
    let mut ranked: Vec<(usize, Value)> = items
        .into_iter()
        .map(|(id, item)| {
            rank = names.iter().position(|name| *name == id).map_or(rank, |at| at + 1);
            (rank, item)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(base: &str, ours: &str, theirs: &str) -> (String, bool) {
        let ids = Sides { base, ours, theirs }.map(|ids| ids.split_whitespace().collect::<Vec<_>>());
        let ordered = merged(ids.each_ref().map(Vec::as_slice));
        (ordered.ids.join(" "), ordered.conflict.is_some())
    }

    #[test]
    fn the_side_that_orders_anew_decides_and_what_is_new_stands_behind_what_it_follows() {
        for (base, ours, theirs, expected, conflict) in [
            ("a b c", "a b c", "a b c", "a b c", false),
            ("a b c", "c b a", "a b c", "c b a", false),
            ("a b c", "a b c", "c b a", "c b a", false),
            ("a b c", "c b a", "c b a", "c b a", false),
            ("a b c", "c b a", "b a c", "c b a", true),
            ("a b", "a x b", "a b y", "a x b y", false),
            ("a b", "a x b", "a y b", "a x y b", false),
            ("a b", "b a x", "a y b", "b a x y", false),
            ("a b", "a x b", "b a y", "b a y x", false),
            ("", "x y", "z", "x y z", false),
            ("a b c", "b c", "c b a", "c b a", false),
        ] {
            let told = order(base, ours, theirs);
            assert_eq!(told, (expected.to_owned(), conflict), "{base} | {ours} | {theirs}");
        }
    }

    #[test]
    fn an_order_by_ids_takes_along_what_it_does_not_name() {
        let items = |ids: &str| ids.chars().map(|id| (id.to_string(), json!(id.to_string()))).collect();
        assert_eq!(by_ids(items("abxc"), Some(&json!(["c", "b", "a"]))), json!(["c", "b", "x", "a"]));
        assert_eq!(by_ids(items("abc"), Some(&json!([{"id": "b"}, 3]))), json!(["a", "b", "c"]));
        assert_eq!(by_ids(items("ab"), None), json!(["a", "b"]));
    }
}
