//! The proof that every span of a request is usable, found in one pass over its bytes.
//!
//! It says less than the strict reader in Python and never more: whatever is odd here, be it wrong or
//! only unusual (an unknown field around spans, a group, a number written the long way), is left to
//! that reader, which looks at each span.

const MAX_NAME_BYTES: usize = 65_536;
const MAX_TIME_NS: u64 = i64::MAX as u64;
const MAX_DEPTH: usize = 24;
/// Of a field's tag, and of a size.
const MAX_TAG_BYTES: usize = 5;
const MAX_VARINT_BYTES: usize = 10;
const MAX_NUMBER: u64 = (1 << 29) - 1;
/// More than a request may have: what a receiver takes is far below, and protobuf itself ends here.
const MAX_BYTES: usize = i32::MAX as usize;

enum Content<'a> {
    Varint,
    Fixed64(u64),
    Fixed32,
    Bytes(&'a [u8]),
}

struct Strict<'a> {
    rest: &'a [u8],
}

impl<'a> Strict<'a> {
    fn varint(&mut self, max_bytes: usize) -> Option<u64> {
        let first = *self.rest.first()?;
        if first < 0x80 {
            self.rest = &self.rest[1..];
            return Some(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for index in 1..max_bytes {
            let byte = *self.rest.get(index)?;
            // The tenth byte has room for one bit.
            if index == 9 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        Some(bytes)
    }

    /// Returns the next field; `Err` where the bytes are no message, or may be none.
    fn next(&mut self) -> Result<Option<(u64, Content<'a>)>, ()> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint(MAX_TAG_BYTES).ok_or(())?;
        let number = tag >> 3;
        if number == 0 || number > MAX_NUMBER {
            return Err(());
        }
        let content = match tag & 7 {
            0 => self.varint(MAX_VARINT_BYTES).map(|_| Content::Varint),
            1 => self.take(8).map(|bytes| {
                Content::Fixed64(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
            }),
            2 => {
                let size = usize::try_from(self.varint(MAX_TAG_BYTES).ok_or(())?).map_err(|_| ())?;
                self.take(size).map(Content::Bytes)
            }
            5 => self.take(4).map(|_| Content::Fixed32),
            _ => None,
        };
        Ok(Some((number, content.ok_or(())?)))
    }
}

/// Calls `field` with each field of a message, until one is odd.
fn each<'a>(
    message: &'a [u8], mut field: impl FnMut(u64, Content<'a>) -> Result<(), ()>,
) -> Result<(), ()> {
    let mut fields = Strict { rest: message };
    while let Some((number, content)) = fields.next()? {
        field(number, content)?;
    }
    Ok(())
}

/// Returns how many spans a request has if each of them is usable; `Err` where that is not sure.
pub fn usable_spans(request: &[u8]) -> Result<usize, ()> {
    if request.len() > MAX_BYTES {
        return Err(());
    }
    let mut count = 0;
    // A resource often comes again and again, so one that is as the last one is not looked into.
    let (mut last_resource, mut last_scope): (&[u8], &[u8]) = (&[], &[]);
    each(request, |number, content| match (number, content) {
        (1, Content::Bytes(group)) => each(group, |number, content| match (number, content) {
            (1, Content::Bytes(message)) => again(message, &mut last_resource, resource),
            (2, Content::Bytes(scoped)) => each(scoped, |number, content| match (number, content) {
                (1, Content::Bytes(message)) => again(message, &mut last_scope, scope),
                (2, Content::Bytes(message)) => {
                    count += 1;
                    span(message)
                }
                (3, Content::Bytes(url)) => text(url),
                _ => Err(()),
            }),
            (3, Content::Bytes(url)) => text(url),
            _ => Err(()),
        }),
        _ => Err(()),
    })?;
    Ok(count)
}

/// Reads a message unless it is the same as the last one.
fn again<'a>(
    message: &'a [u8], last: &mut &'a [u8], read: impl FnOnce(&'a [u8]) -> Result<(), ()>,
) -> Result<(), ()> {
    if message != *last {
        read(message)?;
        *last = message;
    }
    Ok(())
}

fn span(message: &[u8]) -> Result<(), ()> {
    // What of a field that is there more than once counts is the last one.
    let (mut trace_id, mut span_id, mut parent_id): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
    let (mut start_ns, mut end_ns) = (0, 0);
    each(message, |number, content| {
        match (number, content) {
            (1, Content::Bytes(id)) => trace_id = id,
            (2, Content::Bytes(id)) => span_id = id,
            (4, Content::Bytes(id)) => parent_id = id,
            (5, Content::Bytes(name)) if name.len() <= MAX_NAME_BYTES => {}
            (7, Content::Fixed64(time)) => start_ns = time,
            (8, Content::Fixed64(time)) => end_ns = time,
            (1 | 2 | 4 | 5 | 7 | 8, _) => return Err(()),
            _ => {}
        }
        Ok(())
    })?;
    let is_zero = |id: &[u8]| id.iter().all(|byte| *byte == 0);
    let is_usable = trace_id.len() == 16
        && !is_zero(trace_id)
        && span_id.len() == 8
        && !is_zero(span_id)
        && matches!(parent_id.len(), 0 | 8)
        && start_ns <= MAX_TIME_NS
        && end_ns <= MAX_TIME_NS;
    if is_usable { Ok(()) } else { Err(()) }
}

fn resource(message: &[u8]) -> Result<(), ()> {
    each(message, |number, content| match (number, content) {
        (1, Content::Bytes(pair)) => attribute(pair, 0),
        (2, Content::Varint) => Ok(()),
        _ => Err(()),
    })
}

fn scope(message: &[u8]) -> Result<(), ()> {
    each(message, |number, content| match (number, content) {
        (1 | 2, Content::Bytes(bytes)) => text(bytes),
        (3, Content::Bytes(pair)) => attribute(pair, 0),
        (4, Content::Varint) => Ok(()),
        _ => Err(()),
    })
}

fn attribute(message: &[u8], depth: usize) -> Result<(), ()> {
    each(message, |number, content| match (number, content) {
        (1, Content::Bytes(key)) => text(key),
        (2, Content::Bytes(value)) => any(value, depth + 1),
        _ => Err(()),
    })
}

fn any(message: &[u8], depth: usize) -> Result<(), ()> {
    if depth > MAX_DEPTH {
        return Err(());
    }
    each(message, |number, content| match (number, content) {
        (1, Content::Bytes(value)) => text(value),
        (2 | 3, Content::Varint) | (4, Content::Fixed64(_)) | (7, Content::Bytes(_)) => Ok(()),
        (5, Content::Bytes(list)) => each(list, |number, content| match (number, content) {
            (1, Content::Bytes(item)) => any(item, depth + 1),
            _ => Err(()),
        }),
        (6, Content::Bytes(pairs)) => each(pairs, |number, content| match (number, content) {
            (1, Content::Bytes(pair)) => attribute(pair, depth + 1),
            _ => Err(()),
        }),
        _ => Err(()),
    })
}

fn text(bytes: &[u8]) -> Result<(), ()> {
    std::str::from_utf8(bytes).map(|_| ()).map_err(|_| ())
}
