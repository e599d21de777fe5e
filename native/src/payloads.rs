//! Which payloads of a run are equal; see `daemon/causewatch/likeness/payloads.py`.

use std::hash::{Hash, Hasher};
use std::vec::IntoIter;

use crate::asked::TOO_CLOSE;
use crate::json::Value;
use crate::keys::{SpanKeys, Told};
use crate::parsed::{Held, Parsed};
use crate::proto::{Any, Span};
use crate::quick::{find, HashedMap, Quick};
use crate::python;
use crate::reading::json_of;

const MAX_DEPTH: usize = 30;
const LARGEST_WHOLE: f64 = 1e37;
const ENVELOPE_KEYS: [&str; 5] = ["content", "raw_output", "inputs", "outputs", "output"];

pub struct Payloads<'q> {
    pub gates: &'q [String],
    /// Something may be written as Python writes it, which is not read here.
    pub is_open: bool,
    seen: HashedMap<usize>,
    parsed: &'q mut Parsed,
}

impl<'q> Payloads<'q> {
    pub fn new(gates: &'q [String], parsed: &'q mut Parsed) -> Self {
        Payloads { gates, is_open: false, seen: HashedMap::default(), parsed }
    }

    /// Writes where each payload of a span, or part of one, was first.
    pub fn of_span(
        &mut self, span: &Span<'_>, keys: &SpanKeys, into: &mut Quick,
    ) -> Result<(), i32> {
        let of_events = span.events.iter().map(|event| &event.attributes).zip(&keys.of_events);
        for (pairs, keys) in std::iter::once((&span.attributes, &keys.own)).chain(of_events) {
            for ((_, value), told) in pairs.iter().zip(keys) {
                self.attribute(told, value, into)?;
            }
        }
        Ok(())
    }

    fn attribute(&mut self, told: &Told, value: &Any<'_>, into: &mut Quick) -> Result<(), i32> {
        let is_asked = told.is_payload || told.is_flat;
        match value {
            Any::Text(text) => {
                let is_named = |gate: &String| find(text, gate).is_some();
                let opens = matches!(text.as_bytes().first(), Some(b'{' | b'['));
                if is_asked || (opens && self.gates.iter().any(is_named)) {
                    self.text(text, of_text(text), 0, into);
                }
            }
            Any::List(_) | Any::Record(_) => self.whole(Held::Own(json_of(value)), 0, into),
            Any::Bytes if is_asked => return Err(TOO_CLOSE),
            _ if is_asked => {
                self.note(hash_tree(&json_of(value), &mut Vec::new()), into);
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes where what has this hash was first; tells whether that is here.
    fn note(&mut self, hash: u64, into: &mut Quick) -> bool {
        let next = self.seen.len();
        let at = *self.seen.entry(hash).or_insert(next);
        at.hash(into);
        at == next
    }

    fn text(&mut self, text: &str, hash: u64, depth: usize, into: &mut Quick) {
        if !self.note(hash, into) || depth >= MAX_DEPTH {
            return; // what is in it was written where it was first
        }
        let first = text.trim_start().as_bytes().first().copied();
        if !matches!(first, Some(b'{' | b'[' | b'"' | b'(' | b'\'')) {
            return;
        }
        // SAFETY: a text is that of an attribute, or lies in a value that was found in one.
        let held = unsafe { self.parsed.of(text) };
        match held.or_else(|| python::parse(text).map(Held::Own)) {
            Some(held) => self.whole(held, depth + 1, into),
            None => self.is_open |= may_be_literal(text),
        }
    }

    /// Writes where a value, and each part of it that may be a payload, was first.
    fn whole(&mut self, value: Held<'_>, depth: usize, into: &mut Quick) {
        if depth < MAX_DEPTH {
            let mut hashes = Vec::new();
            hash_tree(&value, &mut hashes);
            self.walk(&value, &mut hashes.into_iter(), depth, into);
        }
        value.leave();
    }

    /// Does the same of what comes next in `hashes`.
    fn walk(
        &mut self,
        value: &Value<'_>,
        hashes: &mut IntoIter<(u64, usize)>,
        depth: usize,
        into: &mut Quick,
    ) {
        let Some((hash, parts_count)) = hashes.next() else { return };
        if depth >= MAX_DEPTH {
            hashes.by_ref().take(parts_count).for_each(drop);
            return;
        }
        match value {
            Value::Text(text) => self.text(text, hash, depth, into),
            Value::List(items) => {
                self.note(hash, into);
                for item in items {
                    self.walk(item, hashes, depth + 1, into);
                }
            }
            Value::Record(members) => {
                self.note(hash, into);
                for (key, member) in members {
                    let is_plain =
                        !matches!(member, Value::Text(_) | Value::List(_) | Value::Record(_));
                    if is_plain && ENVELOPE_KEYS.contains(&key.as_ref()) {
                        self.note(hash_tree(member, &mut Vec::new()), into);
                    }
                    self.walk(member, hashes, depth + 1, into);
                }
            }
            _ => {}
        }
    }
}

fn of_text(text: &str) -> u64 {
    let mut hasher = Quick::default();
    (1u8, text).hash(&mut hasher);
    hasher.finish()
}

/// Returns a hash that values of equal canonical JSON share. Adds it to `found`, with how many there
/// are of the parts within, before those of the parts.
fn hash_tree(value: &Value<'_>, found: &mut Vec<(u64, usize)>) -> u64 {
    let mut hasher = Quick::default();
    let at = found.len();
    found.push((0, 0));
    match value {
        Value::Text(text) => (1u8, text.as_ref()).hash(&mut hasher),
        Value::Null => 2u8.hash(&mut hasher),
        Value::Bool(value) => (3u8, value).hash(&mut hasher),
        Value::Int(value) => (4u8, value).hash(&mut hasher),
        Value::Float(value) if value.fract() == 0.0 && value.abs() < LARGEST_WHOLE => {
            (4u8, *value as i128).hash(&mut hasher);
        }
        Value::Float(value) => (5u8, value.to_bits()).hash(&mut hasher),
        Value::List(items) => {
            (6u8, items.len()).hash(&mut hasher);
            items.iter().for_each(|item| hash_tree(item, found).hash(&mut hasher));
        }
        Value::Record(members) => {
            // Their order does not count.
            let each = members.iter().map(|(key, member)| {
                let mut pair = Quick::default();
                (key, hash_tree(member, found)).hash(&mut pair);
                pair.finish()
            });
            let sum = each.fold(0u64, u64::wrapping_add);
            (7u8, members.len(), sum).hash(&mut hasher);
        }
    }
    let hash = hasher.finish();
    found[at] = (hash, found.len() - at - 1);
    hash
}

const PYTHON_WORDS: [&str; 4] = ["True", "False", "None", "set"];
const MAX_PREFIX_CHARS: usize = 2;
const MAX_LITERAL_BYTES: usize = 4 * 65_536;

/// Tells whether a text may be what Python writes for a list or record; never wrong when it says no.
///
/// Outside of quotes such a text has no words but a few.
fn may_be_literal(text: &str) -> bool {
    let text = text.trim();
    if text.len() > MAX_LITERAL_BYTES || text.starts_with('"') {
        return false;
    }
    if text.contains("'''") || text.contains("\"\"\"") || text.contains('#') {
        return true;
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                if at >= bytes.len() {
                    return false;
                }
                at += 1;
            }
            b'0'..=b'9' => at += run_of(&bytes[at..]),
            first if first.is_ascii_alphabetic() || first == b'_' => {
                let size = run_of(&bytes[at..]);
                let is_prefix = size <= MAX_PREFIX_CHARS
                    && matches!(bytes.get(at + size), Some(b'\'' | b'"'));
                if !is_prefix && !PYTHON_WORDS.contains(&&text[at..at + size]) {
                    return false;
                }
                at += size;
            }
            _ => at += 1,
        }
    }
    matches!(bytes.last(), Some(b')' | b']' | b'}' | b',' | b'\'' | b'"'))
}

fn run_of(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}
