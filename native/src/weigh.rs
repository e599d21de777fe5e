//! How large a span's payloads can be at most; see `daemon/causewatch/likeness/bounds.py`.

use crate::keys::{SpanKeys, Told};
use crate::proto::{Any, Span};
use crate::wide::{Wide, WIDTH};

const ESCAPE_FACTOR: u64 = 6;
const PART_BYTES: u64 = 24;
const UNKNOWN_BYTES: u64 = 1 << 53;
const CLAIMED: &str = "causewatch.handoff.";

/// Returns the bounds of a span's largest payload, and of all its payloads together. What is `least`
/// at most need not be exact.
pub fn span(span: &Span<'_>, keys: &SpanKeys, least: u64) -> (u64, u64) {
    let (largest, together) = attributes(&span.attributes, &keys.own, least);
    let events = span.events.iter().zip(&keys.of_events);
    let of_events: u64 = events.map(|(event, keys)| attributes(&event.attributes, keys, 0).1).sum();
    (largest.max(of_events), together + of_events)
}

fn attributes(pairs: &[(&str, Any<'_>)], keys: &[Told], least: u64) -> (u64, u64) {
    let (mut largest, mut flat, mut together) = (0, 0, 0);
    for ((key, value), told) in pairs.iter().zip(keys) {
        let is_flat = told.is_flat;
        let mut size = match value {
            Any::Text(text) => {
                let most = text.len() as u64 * (1 + PART_BYTES);
                if most <= least && !is_flat {
                    most
                } else {
                    text.len() as u64 + growing(text) * PART_BYTES
                }
            }
            other => of(other),
        };
        if let (true, Any::Int(claimed)) = (key.starts_with(CLAIMED), value) {
            size = size.max(u64::try_from(*claimed).unwrap_or(0));
        }
        together += size;
        if is_flat {
            flat += size + key.len() as u64 + PART_BYTES;
        } else {
            largest = largest.max(size);
        }
    }
    (largest.max(flat), together)
}

pub fn is_flat(key: &str) -> bool {
    key.as_bytes().windows(2).any(|pair| pair[0] == b'.' && pair[1].is_ascii_digit())
}

/// Returns how often a text holds what may be longer once it was read and written again.
fn growing(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let Some(last) = bytes.len().checked_sub(WIDTH + 1) else {
        return bytes.windows(2).filter(|pair| grows(pair[0], pair[1])).count() as u64;
    };
    let bits = |at: usize| {
        let (ones, nexts) = (Wide::of(&bytes[at..]), Wide::of(&bytes[at + 1..]));
        let numbers = ones.within(b'0', b'9').or(ones.is(b'.')).and(nexts.with(0x20).is(b'e'));
        let codes = nexts.is(b'x').or(nexts.within(b'0', b'7')).and(ones.is(b'\\'));
        numbers.or(codes).bits()
    };
    let (mut found, mut at) = (0, 0);
    while at < last {
        let bits = bits(at);
        if bits != 0 {
            found += bits.count_ones();
        }
        at += WIDTH;
    }
    // The last block begins before where the others ended.
    u64::from(found + (bits(last) >> (at - last)).count_ones())
}

fn grows(one: u8, next: u8) -> bool {
    let is_number = matches!(one, b'0'..=b'9' | b'.') && next | 0x20 == b'e';
    is_number || (one == b'\\' && matches!(next, b'x' | b'0'..=b'7'))
}

fn of(value: &Any<'_>) -> u64 {
    match value {
        Any::Text(text) => text.len() as u64 * ESCAPE_FACTOR + PART_BYTES,
        Any::List(items) => PART_BYTES + items.iter().map(of).sum::<u64>(),
        Any::Record(members) => {
            let each = |(key, value): &(&str, Any<'_>)| of(&Any::Text(key)) + of(value);
            PART_BYTES + members.iter().map(each).sum::<u64>()
        }
        // Their size was not kept.
        Any::Bytes => UNKNOWN_BYTES,
        _ => PART_BYTES,
    }
}
