//! What the keys of attributes tell. The same keys come again with each span: what they tell is looked
//! up in one step, by their size and their first, middle and last bytes.

use crate::proto::{Any, Span};
use crate::quick::{eight, few, hash_of};
use crate::scratch::kept;
use crate::weigh::is_flat;

const PLACE_BITS: u32 = 10;
/// Longer keys are rare: what they tell is found each time.
const MAX_KEY_BYTES: usize = 200;
const SCORE_ENDS: [&str; 3] = ["score", "similarity", "relevance"];

/// What a key tells.
#[derive(Clone, Copy)]
pub struct Told {
    pub hash: u64,
    /// Where its value goes among those that are asked for.
    pub slot: Option<u32>,
    /// Its values name things.
    pub is_name: bool,
    pub is_score: bool,
    /// It has the number of a list's item in it.
    pub is_flat: bool,
    /// Its payloads are compared.
    pub is_payload: bool,
}

/// The keys of a span's attributes, and those of each of its events, in their order.
#[derive(Default)]
pub struct SpanKeys {
    pub own: Vec<Told>,
    pub of_events: Vec<Vec<Told>>,
}

/// The keys that were met last, each in one of few places.
pub struct Keys(Vec<Option<(Box<str>, Told)>>);

impl Default for Keys {
    fn default() -> Self {
        Keys((0..1 << PLACE_BITS).map(|_| None).collect())
    }
}

impl Keys {
    /// Returns what the keys of a span tell. `asked` says where a key's value goes, and whether its
    /// payloads are compared; `is_name` whether its values name things.
    pub fn of_span(
        &mut self,
        span: &Span<'_>,
        asked: &impl Fn(&str) -> (Option<u32>, bool),
        is_name: &impl Fn(&str) -> bool,
    ) -> SpanKeys {
        let mut of = |pairs: &[(&str, Any<'_>)]| -> Vec<Told> {
            pairs.iter().map(|(key, _)| self.told(key, asked, is_name)).collect()
        };
        SpanKeys {
            own: of(&span.attributes),
            of_events: span.events.iter().map(|event| of(&event.attributes)).collect(),
        }
    }

    fn told(
        &mut self,
        key: &str,
        asked: &impl Fn(&str) -> (Option<u32>, bool),
        is_name: &impl Fn(&str) -> bool,
    ) -> Told {
        let place = place_of(key.as_bytes());
        if let Some((known, told)) = &self.0[place] {
            if **known == *key {
                return *told;
            }
        }
        let (slot, is_payload) = asked(key);
        let low = key.to_lowercase();
        let told = Told {
            hash: hash_of(key),
            slot,
            is_name: is_name(key),
            is_score: SCORE_ENDS.iter().any(|end| low.ends_with(end)),
            is_flat: is_flat(key),
            is_payload,
        };
        if key.len() <= MAX_KEY_BYTES {
            self.0[place] = kept(|| Some((key.into(), told)));
        }
        told
    }
}

fn place_of(key: &[u8]) -> usize {
    let size = key.len();
    let ends = match size {
        0..8 => few(key),
        _ => {
            // A list's items are told apart by a number in the middle.
            let middle = eight(&key[(size - 8) / 2..]).rotate_left(17);
            eight(key) ^ middle ^ eight(&key[size - 8..]).rotate_left(37)
        }
    };
    let number = (ends ^ size as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (number >> (64 - PLACE_BITS)) as usize
}
