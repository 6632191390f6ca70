//! Where a call is sent first, and where next.

use std::ptr;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::domain::endpoint::Endpoint;
use crate::routing::decision::Choice;

/// Hands the targets of a choice to `use_them`, in the order in which they are to be tried; of one target nothing is
/// drawn and nothing allocated.
///
/// What is down is left out of the order, and the rest of it stays as it is: a call that asks again is sent where it was
/// sent before, unless that went down. Where all are down all are named, since somewhere it must be sent.
pub fn with<R>(choice: &Choice<'_>, decision_id: u128, use_them: impl FnOnce(&[&Endpoint]) -> R) -> R {
    match (choice.target, choice.served.endpoints()) {
        (Some(uri), _) => {
            let fallback = Endpoint { uri: uri.as_ref().clone(), priority: 0, weight: 1 };
            use_them(&[&fallback])
        }
        (None, []) => use_them(&[]),
        (None, [one]) => use_them(&[one]),
        (None, all) => {
            let mut targets = ordered(all.iter(), decision_id);
            let up: Vec<&Endpoint> = choice.served.reachable().collect();
            if up.len() < targets.len() {
                targets.retain(|target| up.iter().any(|up| ptr::eq(*up, *target)));
            }
            use_them(&targets)
        }
    }
}

/// Endpoints in the order in which they are to be tried: by priority, those of equal priority drawn by weight.
///
/// The draw depends on the decision's id and nothing else, so that every retry and every node tells the same order.
/// Weights count relative to each other; where all are 0, all are equal.
#[must_use]
pub fn ordered<'e>(endpoints: impl Iterator<Item = &'e Endpoint>, decision_id: u128) -> Vec<&'e Endpoint> {
    let mut left: Vec<&Endpoint> = endpoints.collect();
    left.sort_by_key(|endpoint| endpoint.priority);
    let mut rest = left.as_mut_slice();
    let mut round = 0;
    while let Some(best) = rest.first().map(|endpoint| endpoint.priority) {
        let equals = rest.iter().take_while(|endpoint| endpoint.priority == best).count();
        if let Some(equals) = rest.get_mut(..equals) {
            let draw = xxh3_64_with_seed(&decision_id.to_be_bytes(), round);
            let drawn = drawn(equals, draw);
            if let Some(up_to_drawn) = equals.get_mut(..=drawn) {
                up_to_drawn.rotate_right(1);
            }
        }
        round += 1;
        rest = rest.split_first_mut().map_or(&mut [], |(_, rest)| rest);
    }
    left
}

/// The place of the endpoint that a draw falls on.
fn drawn(equals: &[&Endpoint], draw: u64) -> usize {
    let total: u64 = equals.iter().map(|endpoint| u64::from(endpoint.weight)).sum();
    let weight = |endpoint: &Endpoint| if total == 0 { 1 } else { u64::from(endpoint.weight) };
    let mut point = draw % if total == 0 { equals.len().max(1) as u64 } else { total };
    for (at, endpoint) in equals.iter().enumerate() {
        let weight = weight(endpoint);
        if point < weight {
            return at;
        }
        point -= weight;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::endpoint::EndpointTemplate;

    fn endpoint(host: &str, priority: u8, weight: u8) -> Endpoint {
        Endpoint { uri: EndpointTemplate::parse(&format!("sip:{host}")).unwrap(), priority, weight }
    }

    fn first_of(endpoints: &[Endpoint], calls: u128) -> Vec<usize> {
        let mut counts = vec![0; endpoints.len()];
        for id in 0..calls {
            let first = ordered(endpoints.iter(), id)[0];
            counts[endpoints.iter().position(|endpoint| endpoint == first).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn a_better_priority_is_always_tried_first_and_nobody_is_left_out() {
        let endpoints = [endpoint("c", 2, 9), endpoint("a", 0, 1), endpoint("b", 1, 5), endpoint("a2", 0, 1)];
        for id in 0..100 {
            let priorities: Vec<_> = ordered(endpoints.iter(), id).iter().map(|e| e.priority).collect();
            assert_eq!(priorities, [0, 0, 1, 2]);
            assert_eq!(ordered(endpoints.iter(), id), ordered(endpoints.iter(), id));
        }
    }

    #[test]
    fn weights_are_shares_and_all_zero_is_equal() {
        let shares = |weights: [u8; 3]| {
            let endpoints: Vec<_> =
                weights.iter().zip(["a", "b", "c"]).map(|(w, host)| endpoint(host, 0, *w)).collect();
            first_of(&endpoints, 10_000)
        };
        let near = |share: usize, wanted: usize| share.abs_diff(wanted) < 300;
        let [a, b, c] = shares([70, 30, 0])[..] else { panic!() };
        assert!(near(a, 7_000) && near(b, 3_000) && c == 0, "{a} {b} {c}");
        let [a, b, c] = shares([0, 0, 0])[..] else { panic!() };
        assert!(near(a, 3_333) && near(b, 3_333) && near(c, 3_333), "{a} {b} {c}");
    }
}
