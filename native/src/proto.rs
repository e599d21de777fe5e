//! The parts of an OTLP span that a likeness needs, read where they lie.

use crate::wide::is_ascii;

pub enum Any<'a> {
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    List(Vec<Any<'a>>),
    Record(Vec<(&'a str, Any<'a>)>),
    Bytes,
    Nothing,
}

#[derive(Default)]
pub struct Event<'a> {
    pub name: &'a str,
    pub attributes: Vec<(&'a str, Any<'a>)>,
}

#[derive(Default)]
pub struct Span<'a> {
    pub body: &'a [u8],
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub parent_id: &'a [u8],
    pub name: &'a str,
    pub kind: u64,
    pub start_ns: u64,
    pub end_ns: u64,
    pub status: u64,
    pub status_message: &'a str,
    pub attributes: Vec<(&'a str, Any<'a>)>,
    pub events: Vec<Event<'a>>,
    pub links: usize,
    pub is_cut: bool,
}

const MAX_DEPTH: usize = 24;

pub enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

pub struct Fields<'a> {
    pub rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    #[inline]
    fn varint(&mut self) -> Option<u64> {
        let (first, rest) = self.rest.split_first()?;
        if *first < 0x80 {
            self.rest = rest;
            return Some(u64::from(*first));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for index in 0..10 {
            let byte = *self.rest.get(index)?;
            value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32).unwrap_or(0);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Some(value);
            }
        }
        None
    }

    fn fixed<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    /// Returns the next field's number and content; `Err` where the bytes are no message.
    #[inline]
    pub fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, ()> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint().ok_or(())?;
        let field = match tag & 7 {
            0 => Field::Number(self.varint().ok_or(())?),
            1 => Field::Number(u64::from_le_bytes(self.fixed().ok_or(())?)),
            2 => {
                let size = usize::try_from(self.varint().ok_or(())?).map_err(|_| ())?;
                let bytes = self.rest.get(..size).ok_or(())?;
                self.rest = &self.rest[size..];
                Field::Bytes(bytes)
            }
            5 => Field::Number(u32::from_le_bytes(self.fixed().ok_or(())?).into()),
            _ => return Err(()),
        };
        Ok(Some((tag >> 3, field)))
    }
}

fn text(bytes: &[u8]) -> Result<&str, ()> {
    if is_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).map_err(|_| ())
}

/// Reads a span message; `Err` where it is none.
pub fn span(bytes: &[u8]) -> Result<Span<'_>, ()> {
    let mut found = Span { body: bytes, ..Span::default() };
    let mut fields = Fields::of(bytes);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Bytes(id)) => found.trace_id = id,
            (2, Field::Bytes(id)) => found.span_id = id,
            (4, Field::Bytes(id)) => found.parent_id = id,
            (5, Field::Bytes(name)) => found.name = text(name)?,
            (6, Field::Number(kind)) => found.kind = kind,
            (7, Field::Number(time)) => found.start_ns = time,
            (8, Field::Number(time)) => found.end_ns = time,
            (9, Field::Bytes(pair)) => found.attributes.push(attribute(pair, 0)?),
            (10 | 12, Field::Number(count)) => found.is_cut |= count > 0,
            (11, Field::Bytes(message)) => found.events.push(event(message)?),
            (13, Field::Bytes(_)) => found.links += 1,
            (15, Field::Bytes(status)) => {
                let mut parts = Fields::of(status);
                while let Some((number, field)) = parts.next()? {
                    match (number, field) {
                        (2, Field::Bytes(message)) => found.status_message = text(message)?,
                        (3, Field::Number(code)) => found.status = code,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn event(bytes: &[u8]) -> Result<Event<'_>, ()> {
    let mut found = Event::default();
    let mut fields = Fields::of(bytes);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (2, Field::Bytes(name)) => found.name = text(name)?,
            (3, Field::Bytes(pair)) => found.attributes.push(attribute(pair, 0)?),
            _ => {}
        }
    }
    Ok(found)
}

fn attribute(bytes: &[u8], depth: usize) -> Result<(&str, Any<'_>), ()> {
    let mut key = "";
    let mut value = Any::Nothing;
    let mut fields = Fields::of(bytes);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Bytes(name)) => key = text(name)?,
            (2, Field::Bytes(message)) => value = any(message, depth + 1)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn any(bytes: &[u8], depth: usize) -> Result<Any<'_>, ()> {
    if depth > MAX_DEPTH {
        return Err(());
    }
    let mut found = Any::Nothing;
    let mut fields = Fields::of(bytes);
    while let Some((number, field)) = fields.next()? {
        found = match (number, field) {
            (1, Field::Bytes(value)) => Any::Text(text(value)?),
            (2, Field::Number(value)) => Any::Bool(value != 0),
            (3, Field::Number(value)) => Any::Int(value as i64),
            (4, Field::Number(value)) => Any::Double(f64::from_bits(value)),
            (5, Field::Bytes(list)) => {
                let mut items = Vec::new();
                let mut parts = Fields::of(list);
                while let Some((number, field)) = parts.next()? {
                    if let (1, Field::Bytes(item)) = (number, field) {
                        items.push(any(item, depth + 1)?);
                    }
                }
                Any::List(items)
            }
            (6, Field::Bytes(pairs)) => {
                let mut members = Vec::new();
                let mut parts = Fields::of(pairs);
                while let Some((number, field)) = parts.next()? {
                    if let (1, Field::Bytes(pair)) = (number, field) {
                        members.push(attribute(pair, depth + 1)?);
                    }
                }
                Any::Record(members)
            }
            (7, Field::Bytes(_)) => Any::Bytes,
            (_, _) => found,
        };
    }
    Ok(found)
}

type Pairs<'a> = Vec<(&'a str, Any<'a>)>;

/// The spans of a request, each with a number that tells its service and instrumentation from
/// others: the same as `origin_of` in `daemon/causewatch/otlp/raw.py`, and what `more` finds in the
/// attributes of both.
pub fn spans_of<'a>(
    request: &'a [u8],
    more: impl Fn(&[(&str, Any<'_>)], &[(&str, Any<'_>)]) -> Result<u64, i32>,
) -> Result<Vec<(&'a [u8], u64)>, i32> {
    let unread = |()| 2;
    let mut found = Vec::new();
    let mut groups = Fields::of(request);
    while let Some((number, field)) = groups.next().map_err(unread)? {
        let (1, Field::Bytes(group)) = (number, field) else { return Err(2) };
        let (mut pairs, mut scoped) = (Vec::new(), Vec::new());
        let mut fields = Fields::of(group);
        while let Some((number, field)) = fields.next().map_err(unread)? {
            match (number, field) {
                (1, Field::Bytes(resource)) => pairs = attributes(resource, 1).map_err(unread)?,
                (2, Field::Bytes(spans)) => scoped.push(spans),
                _ => {}
            }
        }
        let service = service_name(&pairs).map_err(unread)?;
        for message in scoped {
            let (mut scope, first) = (Scope::default(), found.len());
            let mut fields = Fields::of(message);
            while let Some((number, field)) = fields.next().map_err(unread)? {
                match (number, field) {
                    (1, Field::Bytes(bytes)) => scope = scope_of(bytes).map_err(unread)?,
                    (2, Field::Bytes(span)) => found.push((span, 0)),
                    _ => {}
                }
            }
            let origin = origin_of(&[service, scope.name, scope.version]);
            let origin = origin.wrapping_add(more(&pairs, &scope.attributes)?);
            found[first..].iter_mut().for_each(|span| span.1 = origin);
        }
    }
    Ok(found)
}

/// The attributes of a resource, and of a scope, from what stood around a span.
pub fn around<'a>(resource: &'a [u8], scope: &'a [u8]) -> Result<(Pairs<'a>, Pairs<'a>), ()> {
    let mut found = (Vec::new(), Vec::new());
    let mut fields = Fields::of(resource);
    while let Some((number, field)) = fields.next()? {
        if let (1, Field::Bytes(resource)) = (number, field) {
            found.0 = attributes(resource, 1)?;
        }
    }
    let mut fields = Fields::of(scope);
    while let Some((number, field)) = fields.next()? {
        if let (1, Field::Bytes(scope)) = (number, field) {
            found.1 = scope_of(scope)?.attributes;
        }
    }
    Ok(found)
}

/// The attributes that a message has under a field's number.
fn attributes(message: &[u8], wanted: u64) -> Result<Pairs<'_>, ()> {
    let mut found = Vec::new();
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match (number == wanted, field) {
            (true, Field::Bytes(pair)) => found.push(attribute(pair, 0)?),
            _ => {}
        }
    }
    Ok(found)
}

fn service_name<'a>(pairs: &[(&'a str, Any<'a>)]) -> Result<&'a str, ()> {
    let mut found = "";
    for (key, value) in pairs {
        match (*key, value) {
            ("service.name", Any::Text(name)) => found = name,
            ("service.name", _) => return Err(()),
            _ => {}
        }
    }
    Ok(found)
}

#[derive(Default)]
struct Scope<'a> {
    name: &'a str,
    version: &'a str,
    attributes: Pairs<'a>,
}

fn scope_of(message: &[u8]) -> Result<Scope<'_>, ()> {
    let mut found = Scope::default();
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => found.name = text(bytes)?,
            (2, Field::Bytes(bytes)) => found.version = text(bytes)?,
            (3, Field::Bytes(pair)) => found.attributes.push(attribute(pair, 0)?),
            _ => {}
        }
    }
    Ok(found)
}

/// G. Fowler, L. Noll, P. Vo: FNV-1a, of 64 bits, over the texts with a NUL after each.
fn origin_of(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
