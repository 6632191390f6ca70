//! Laws between keys: what one key says must fit what another one says.

use std::collections::BTreeSet;

use super::fault::Faults;
use super::node::{Node, Shape};

/// Reports every key that does not fit another one.
pub fn check(root: &Node, faults: &mut Faults<'_>) {
    background_sound(root, faults);
    analysis_fields(root, faults);
    site_variants(root, faults);
}

fn background_sound(root: &Node, faults: &mut Faults<'_>) {
    let Some(sound) = root.get("backgroundSound") else { return };
    let of_url = sound.get("kind").and_then(Node::text) == Some("url");
    let url = sound.get("url").map_or(Some(""), Node::text);
    if of_url && url == Some("") {
        let back = faults.enter_key("backgroundSound");
        let inner = faults.enter_key("url");
        faults.add(sound.at, "is missing, though the kind is url", "a URL that begins with https://");
        faults.leave(inner);
        faults.leave(back);
    }
}

fn analysis_fields(root: &Node, faults: &mut Faults<'_>) {
    let fields = root.get("callAnalysis").and_then(|analysis| analysis.get("fields"));
    for (index, field) in fields.map(Node::items).unwrap_or_default().iter().enumerate() {
        let is_enum = field.get("type").and_then(Node::text) == Some("enum");
        let no_values =
            field.get("enum").is_none_or(|values| matches!(&values.shape, Shape::List(v) if v.is_empty()));
        if is_enum && no_values {
            let back = faults.enter_key("callAnalysis");
            faults.enter_key("fields");
            faults.enter_item(index);
            faults.enter_key("enum");
            faults.add(field.at, "is missing, though the type is enum", "a list of the values it can have");
            faults.leave(back);
        }
    }
}

fn site_variants(root: &Node, faults: &mut Faults<'_>) {
    let attributes = root.get("siteAttributes").map(Node::items).unwrap_or_default();
    let known: BTreeSet<&str> = attributes.iter().filter_map(|item| item.get("id")?.text()).collect();
    let mut default = None;
    for (index, variant) in root.get("siteVariants").map(Node::items).unwrap_or_default().iter().enumerate() {
        let back = faults.enter_key("siteVariants");
        faults.enter_item(index);
        let here = faults.enter_key("isDefault");
        if let Some(Node { at, shape: Shape::Flag(true) }) = variant.get("isDefault") {
            match default {
                Some(first) => {
                    faults.add(*at, format!("is true, as in siteVariants[{first}]"), "one default only");
                }
                None => default = Some(index),
            }
        }
        faults.leave(here);
        faults.enter_key("values");
        for value in variant.get("values").map(Node::members).unwrap_or_default() {
            if !known.contains(value.name.as_str()) {
                let back = faults.enter_key(&value.name);
                faults.add(value.at, "is no site attribute", "the id of one of siteAttributes");
                faults.leave(back);
            }
        }
        faults.leave(back);
    }
}
