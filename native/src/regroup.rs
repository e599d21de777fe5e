//! The spans of a request by trace: for each trace a request of its own with the bytes of its spans
//! as they came, so that one that waits for the rest of a run holds nothing of any other.
//!
//! Whatever is odd (bytes that are no request, a span that a receiver would have rejected) is left
//! to the strict reader in Python: the whole request is refused here.

use crate::proto::{Field, Fields};
use crate::quick::{find_bytes, QuickMap};

/// Our own name space: what others put there has to be looked at.
const OWN: &[u8] = b"causewatch.";
const MAX_NAME_BYTES: usize = 65_536;
const MAX_TIME_NS: u64 = i64::MAX as u64;
/// Of what is told of one trace: its id and five numbers.
pub const HEAD_BYTES: usize = 56;
const HAS_ROOT: u64 = 1;
const IS_ODD: u64 = 2;

/// Of one trace: its id, what is known of its spans, and where its bytes lie in `bodies`.
struct Part<'a> {
    trace_id: [u8; 16],
    spans: Vec<(usize, usize, &'a [u8])>,
    flags: u64,
    start_ns: u64,
    end_ns: u64,
}

/// What stands around spans: fields of a `ResourceSpans` or a `ScopeSpans`, as they came.
#[derive(Default)]
struct Around<'a> {
    fields: Vec<&'a [u8]>,
    size: usize,
}

impl<'a> Around<'a> {
    /// Returns where the fields lie and their size; `Err` where something lies between.
    fn place(&self, request: &[u8]) -> Result<[usize; 2], ()> {
        let Some(first) = self.fields.first() else { return Ok([0, 0]) };
        let start = place(request, first);
        let mut end = start;
        for field in &self.fields {
            if place(request, field) != end {
                return Err(());
            }
            end += field.len();
        }
        Ok([start, end - start])
    }

    fn push(&mut self, field: &'a [u8]) {
        self.size += field.len();
        self.fields.push(field);
    }
}

#[derive(Default)]
pub struct Regrouped {
    /// For each trace: its id, then flags, number of spans, start, end and size as 64-bit numbers.
    pub heads: Vec<u8>,
    /// The requests one after the other.
    pub bodies: Vec<u8>,
}

/// Regroups a request; `Err` where it is to be read with more care.
pub fn regroup(request: &[u8]) -> Result<Regrouped, ()> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut index: QuickMap<[u8; 16], usize> = QuickMap::default();
    let mut resources: Vec<Around<'_>> = Vec::new();
    let mut scopes: Vec<Around<'_>> = Vec::new();
    let mut fields = Fields::of(request);
    while let Some((number, field)) = fields.next()? {
        let (1, Field::Bytes(resource_spans)) = (number, field) else { return Err(()) };
        let mut around = Around::default();
        let mut scoped = Vec::new();
        split(resource_spans, 2, &mut around, &mut scoped)?;
        let is_odd = around.fields.iter().any(|field| find_bytes(field, OWN).is_some());
        let resource = resources.len();
        resources.push(around);
        for scope_spans in scoped {
            let mut around = Around::default();
            let mut spans = Vec::new();
            split(scope_spans, 2, &mut around, &mut spans)?;
            let scope = scopes.len();
            scopes.push(around);
            for span in spans {
                let head = head(span)?;
                let at = *index.entry(head.trace_id).or_insert(parts.len());
                if at == parts.len() {
                    parts.push(Part {
                        trace_id: head.trace_id,
                        spans: Vec::new(),
                        flags: 0,
                        start_ns: u64::MAX,
                        end_ns: 0,
                    });
                }
                let part = &mut parts[at];
                part.flags |= head.flags | if is_odd { IS_ODD } else { 0 };
                part.start_ns = part.start_ns.min(head.start_ns);
                part.end_ns = part.end_ns.max(head.end_ns);
                part.spans.push((resource, scope, span));
            }
        }
    }
    let mut found = Regrouped::default();
    found.bodies.reserve(request.len() + request.len() / 4);
    for part in &parts {
        let before = found.bodies.len();
        write(part, &resources, &scopes, &mut found.bodies);
        let size = (found.bodies.len() - before) as u64;
        found.heads.extend_from_slice(&part.trace_id);
        for number in [part.flags, part.spans.len() as u64, part.start_ns, part.end_ns, size] {
            found.heads.extend_from_slice(&number.to_le_bytes());
        }
    }
    Ok(found)
}

/// Splits a message into what one repeated field holds, and all other fields as they lie there.
fn split<'a>(
    message: &'a [u8], wanted: u64, around: &mut Around<'a>, within: &mut Vec<&'a [u8]>,
) -> Result<(), ()> {
    let mut fields = Fields::of(message);
    let mut seen = 0u64;
    loop {
        let before = fields.rest;
        let Some((number, field)) = fields.next()? else { return Ok(()) };
        match field {
            Field::Bytes(bytes) if number == wanted => within.push(bytes),
            _ if number == wanted || number > 63 || seen >> number & 1 == 1 => return Err(()),
            _ => {
                seen |= 1 << number;
                around.push(&before[..before.len() - fields.rest.len()]);
            }
        }
    }
}

/// Where the spans of a request lie, and what stands around them.
#[derive(Default)]
pub struct Cut {
    /// For each span: the ids of its trace, of itself and of its parent, then start, end, where it
    /// lies and its size as 64-bit numbers, then the number of its group and whether it has links.
    pub spans: Vec<u8>,
    /// For each group: where what stands around its scopes lies and its size, and the same of what
    /// stands around its spans.
    pub groups: Vec<u8>,
}

/// Of what is told of one span.
pub const SPAN_BYTES: usize = 72;
/// Of what is told of one group.
pub const GROUP_BYTES: usize = 32;

/// Finds the spans of a request; `Err` where it is to be read with more care.
pub fn cut(request: &[u8]) -> Result<Cut, ()> {
    let mut found = Cut::default();
    let mut fields = Fields::of(request);
    while let Some((number, field)) = fields.next()? {
        let (1, Field::Bytes(resource_spans)) = (number, field) else { return Err(()) };
        let mut around = Around::default();
        let mut scoped = Vec::new();
        split(resource_spans, 2, &mut around, &mut scoped)?;
        let resource = around.place(request)?;
        for scope_spans in scoped {
            let mut around = Around::default();
            let mut spans = Vec::new();
            split(scope_spans, 2, &mut around, &mut spans)?;
            let group = (found.groups.len() / GROUP_BYTES) as u32;
            for number in [resource, around.place(request)?].as_flattened() {
                found.groups.extend_from_slice(&(*number as u64).to_le_bytes());
            }
            for span in spans {
                let head = head(span)?;
                found.spans.extend_from_slice(&head.trace_id);
                found.spans.extend_from_slice(&head.span_id);
                found.spans.extend_from_slice(&head.parent_id);
                let at = place(request, span) as u64;
                for number in [head.start_ns, head.end_ns, at, span.len() as u64] {
                    found.spans.extend_from_slice(&number.to_le_bytes());
                }
                found.spans.extend_from_slice(&group.to_le_bytes());
                found.spans.extend_from_slice(&u32::from(head.has_links).to_le_bytes());
            }
        }
    }
    Ok(found)
}

fn place(request: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - request.as_ptr() as usize
}

struct Head {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    parent_id: [u8; 8],
    has_links: bool,
    flags: u64,
    start_ns: u64,
    end_ns: u64,
}

fn head(span: &[u8]) -> Result<Head, ()> {
    let mut fields = Fields::of(span);
    let (mut trace_id, mut span_id, mut parent_id): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
    let (mut start_ns, mut end_ns, mut links) = (0, 0, Vec::new());
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Bytes(id)) => trace_id = id,
            (2, Field::Bytes(id)) => span_id = id,
            (4, Field::Bytes(id)) => parent_id = id,
            (5, Field::Bytes(name)) if name.len() > MAX_NAME_BYTES => return Err(()),
            (7, Field::Number(time)) => start_ns = time,
            (8, Field::Number(time)) => end_ns = time,
            (13, Field::Bytes(link)) => links.push(link),
            (1 | 2 | 4 | 7 | 8 | 13, _) => return Err(()),
            _ => {}
        }
    }
    let trace_id: [u8; 16] = trace_id.try_into().map_err(|_| ())?;
    let is_zero = |id: &[u8]| id.iter().all(|byte| *byte == 0);
    let is_bad = is_zero(&trace_id)
        || span_id.len() != 8
        || is_zero(span_id)
        || !matches!(parent_id.len(), 0 | 8)
        || start_ns > MAX_TIME_NS
        || end_ns > MAX_TIME_NS;
    if is_bad {
        return Err(());
    }
    let mut flags = if is_zero(parent_id) { HAS_ROOT } else { 0 };
    let has_links = !links.is_empty();
    for link in links {
        if leads_out(link, &trace_id)? {
            flags |= IS_ODD;
        }
    }
    if find_bytes(span, OWN).is_some() {
        flags |= IS_ODD;
    }
    let span_id = span_id.try_into().map_err(|_| ())?;
    let parent_id = parent_id.try_into().unwrap_or_default();
    Ok(Head { trace_id, span_id, parent_id, has_links, flags, start_ns, end_ns })
}

/// Tells whether a link leads to another trace.
fn leads_out(link: &[u8], trace_id: &[u8]) -> Result<bool, ()> {
    let mut fields = Fields::of(link);
    while let Some((number, field)) = fields.next()? {
        if let (1, Field::Bytes(id)) = (number, field) {
            if id != trace_id {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn write(part: &Part<'_>, resources: &[Around<'_>], scopes: &[Around<'_>], out: &mut Vec<u8>) {
    let mut rest = &part.spans[..];
    while let Some((resource, scope, _)) = rest.first() {
        let same = rest.iter().take_while(|(r, s, _)| r == resource && s == scope).count();
        let (now, later) = rest.split_at(same);
        rest = later;
        let (resource, scope) = (&resources[*resource], &scopes[*scope]);
        let spans: usize = now.iter().map(|(_, _, span)| framed_size(span.len())).sum();
        let inner = scope.size + spans;
        tag_and_size(1, resource.size + framed_size(inner), out);
        resource.fields.iter().for_each(|field| out.extend_from_slice(field));
        tag_and_size(2, inner, out);
        scope.fields.iter().for_each(|field| out.extend_from_slice(field));
        for (_, _, span) in now {
            tag_and_size(2, span.len(), out);
            out.extend_from_slice(span);
        }
    }
}

fn framed_size(size: usize) -> usize {
    let bits = usize::BITS - (size | 1).leading_zeros();
    1 + bits.div_ceil(7) as usize + size
}

fn tag_and_size(number: u8, size: usize, out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    let mut rest = size;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
