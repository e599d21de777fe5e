//! The likeness of a run, computed from the bytes of its spans. Called from Python by ctypes; see
//! `daemon/causewatch/likeness/native.py`.

mod asked;
mod count;
mod json;
mod keys;
mod numbers;
mod parsed;
mod payloads;
mod proto;
mod python;
mod quick;
mod reading;
mod regroup;
mod scratch;
mod signs;
mod weigh;
mod wide;

use std::borrow::Cow;
use std::panic::catch_unwind;

use asked::{Asked, Fits};
use keys::{Keys, SpanKeys, Told};
use parsed::Parsed;
use proto::{Any, Span};
use quick::{QuickMap, QuickSet};
use reading::{NumberKeys, Reading, TooMuch, Words};
use regroup::{Cut, Regrouped};
use signs::Signs;
use wide::has_digit;

#[global_allocator]
static MEMORY: scratch::Scratch = scratch::Scratch;

/// What all runs are read with; one caller at a time.
pub struct Context {
    naming: QuickSet<String>,
    signs: Signs,
    words: Words,
    numbers: NumberKeys,
    /// The keys that were met, with what was asked when they were.
    met: Keys,
    asked: Option<Asked>,
    /// Of the next run, what is left open was answered by the caller.
    is_answered: bool,
    regrouped: Regrouped,
    cut: Cut,
}

/// Returns a new context, or null where the settings are not text.
///
/// The settings are two lists, each of lines, with a NUL between: the keys whose values name
/// things, and the tell-tale words.
///
/// # Safety
/// `settings` points to `size` readable bytes. The result goes to `causewatch_close` once.
#[no_mangle]
pub unsafe extern "C" fn causewatch_open(settings: *const u8, size: usize) -> *mut Context {
    let bytes = unsafe { std::slice::from_raw_parts(settings, size) };
    let Ok(text) = std::str::from_utf8(bytes) else { return std::ptr::null_mut() };
    let (naming, stems) = text.split_once('\0').unwrap_or((text, ""));
    let stems: Vec<&str> = stems.split('\n').filter(|stem| !stem.is_empty()).collect();
    Box::into_raw(Box::new(Context {
        naming: naming.split('\n').map(str::to_owned).collect(),
        signs: Signs::new(&stems),
        words: Words::default(),
        numbers: NumberKeys::default(),
        met: Keys::default(),
        asked: None,
        is_answered: false,
        regrouped: Regrouped::default(),
        cut: Cut::default(),
    }))
}

/// Takes what is asked of every run, as JSON, and what runs patterns. Returns 0, or 2 where it cannot
/// be read.
///
/// # Safety
/// `context` comes from `causewatch_open`; `questions` points to `size` readable bytes; `fits` may be
/// called as long as the context is there.
#[no_mangle]
pub unsafe extern "C" fn causewatch_ask(
    context: *mut Context,
    questions: *const u8,
    size: usize,
    fits: Fits,
) -> i32 {
    let context = unsafe { &mut *context };
    let bytes = unsafe { std::slice::from_raw_parts(questions, size) };
    context.met = Keys::default();
    context.asked = std::str::from_utf8(bytes).ok().and_then(Asked::read);
    if let Some(asked) = &mut context.asked {
        asked.fits = Some(fits);
    }
    if context.asked.is_some() { 0 } else { 2 }
}

/// Writes to `out` what is asked of the resource and scope of spans, given as the messages around
/// them. Returns 0, or 2 where they cannot be read.
///
/// # Safety
/// `context` comes from `causewatch_open`; `resource` and `scope` point to as many readable bytes.
#[no_mangle]
pub unsafe extern "C" fn causewatch_origin(
    context: *mut Context,
    resource: *const u8,
    resource_size: usize,
    scope: *const u8,
    scope_size: usize,
    out: *mut u64,
) -> i32 {
    let context = unsafe { &mut *context };
    let resource = unsafe { std::slice::from_raw_parts(resource, resource_size) };
    let scope = unsafe { std::slice::from_raw_parts(scope, scope_size) };
    let Some(asked) = &context.asked else { return 2 };
    let Ok((resource, scope)) = proto::around(resource, scope) else { return 2 };
    match asked.origin(&resource, &scope) {
        Ok(answer) => {
            unsafe { *out = answer };
            0
        }
        Err(code) => code,
    }
}

/// Says that of the next run the numbers that go in answer what would be left open.
///
/// # Safety
/// `context` comes from `causewatch_open`.
#[no_mangle]
pub unsafe extern "C" fn causewatch_answered(context: *mut Context) {
    unsafe { (*context).is_answered = true };
}

/// # Safety
/// `context` comes from `causewatch_open` and is not used again.
#[no_mangle]
pub unsafe extern "C" fn causewatch_close(context: *mut Context) {
    if !context.is_null() {
        drop(unsafe { Box::from_raw(context) });
    }
}

/// Writes the likeness of a run to `out`. Returns 0, 1 where the run is too large to have one or has
/// to be judged in full, 2 where its bytes cannot be read, or 8 where payloads are asked for that the
/// caller has to compare (see `causewatch_answered`).
///
/// `bodies` are the span messages one after the other, `sizes` their sizes; `extras` are numbers
/// that go into the likeness with each span.
///
/// # Safety
/// `context` comes from `causewatch_open` and is used by nobody else meanwhile; `sizes` and
/// `extras` hold `count` numbers, and `bodies` as many bytes as the sizes add up to.
#[no_mangle]
pub unsafe extern "C" fn causewatch_likeness(
    context: *mut Context,
    bodies: *const u8,
    sizes: *const u64,
    extras: *const u64,
    count: usize,
    out: *mut u64,
) -> i32 {
    let context = unsafe { &mut *context };
    let sizes = unsafe { std::slice::from_raw_parts(sizes, count) };
    let extras = unsafe { std::slice::from_raw_parts(extras, count) };
    let total = sizes.iter().sum::<u64>() as usize;
    let bodies = unsafe { std::slice::from_raw_parts(bodies, total) };
    let found = scratch::used(|| likeness(context, &sliced(bodies, sizes, extras)));
    unsafe { told(found, out) }
}

/// Writes what was found to `out`; returns the code for it.
unsafe fn told(found: Option<Result<u64, i32>>, out: *mut u64) -> i32 {
    match found {
        Some(Ok(found)) => {
            unsafe { *out = found };
            0
        }
        Some(Err(code)) => code,
        None => 2,
    }
}

/// Writes the likeness of the run that a request holds. Returns what `causewatch_likeness` does, and
/// 3 where a span is there twice.
///
/// # Safety
/// `context` comes from `causewatch_open` and is used by nobody else meanwhile; `request` points to
/// `size` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn causewatch_likeness_of(
    context: *mut Context,
    request: *const u8,
    size: usize,
    out: *mut u64,
) -> i32 {
    let context = unsafe { &mut *context };
    let request = unsafe { std::slice::from_raw_parts(request, size) };
    let found = scratch::used(|| {
        let asked = context.asked.as_ref();
        let spans = proto::spans_of(request, |resource, scope| match asked {
            None => Ok(0),
            Some(asked) => asked.origin(resource, scope),
        })?;
        likeness(context, &spans)
    });
    unsafe { told(found, out) }
}

/// Regroups a request by trace. Returns how many traces there are and points `heads` and `bodies`
/// to what is found, which stays until the next call; or returns -1 where the request is odd.
///
/// # Safety
/// As for `causewatch_likeness_of`; `heads`, `bodies` and `size_out` are writable.
#[no_mangle]
pub unsafe extern "C" fn causewatch_regroup(
    context: *mut Context,
    request: *const u8,
    size: usize,
    heads: *mut *const u8,
    bodies: *mut *const u8,
    size_out: *mut usize,
) -> i64 {
    let context = unsafe { &mut *context };
    let request = unsafe { std::slice::from_raw_parts(request, size) };
    let Ok(Ok(found)) = catch_unwind(|| regroup::regroup(request)) else { return -1 };
    context.regrouped = found;
    let found = &context.regrouped;
    unsafe {
        *heads = found.heads.as_ptr();
        *bodies = found.bodies.as_ptr();
        *size_out = found.bodies.len();
    }
    (found.heads.len() / regroup::HEAD_BYTES) as i64
}

/// Returns how many spans a request has if every one of them is surely usable; -1 where the strict
/// reader has to look at each.
///
/// # Safety
/// `request` points to `size` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn causewatch_usable_spans(request: *const u8, size: usize) -> i64 {
    let request = unsafe { std::slice::from_raw_parts(request, size) };
    match catch_unwind(|| count::usable_spans(request)) {
        Ok(Ok(count)) => count as i64,
        _ => -1,
    }
}

/// Tells where the spans of a request lie. Returns how many there are and points `spans` and `groups`
/// to what is found, which stays until the next call; or returns -1 where the request is odd.
///
/// # Safety
/// As for `causewatch_regroup`.
#[no_mangle]
pub unsafe extern "C" fn causewatch_cut(
    context: *mut Context,
    request: *const u8,
    size: usize,
    spans: *mut *const u8,
    groups: *mut *const u8,
    groups_size: *mut usize,
) -> i64 {
    let context = unsafe { &mut *context };
    let request = unsafe { std::slice::from_raw_parts(request, size) };
    let Ok(Ok(found)) = catch_unwind(|| regroup::cut(request)) else { return -1 };
    context.cut = found;
    let found = &context.cut;
    unsafe {
        *spans = found.spans.as_ptr();
        *groups = found.groups.as_ptr();
        *groups_size = found.groups.len();
    }
    (found.spans.len() / regroup::SPAN_BYTES) as i64
}

/// The bytes of a run's spans one after the other, each with what goes into the likeness with it.
fn sliced<'a>(bodies: &'a [u8], sizes: &[u64], extras: &[u64]) -> Vec<(&'a [u8], u64)> {
    let mut at = 0usize;
    let mut slice = |size: u64| {
        at += size as usize;
        &bodies[at - size as usize..at]
    };
    sizes.iter().zip(extras).map(|(size, extra)| (slice(*size), *extra)).collect()
}

fn likeness(context: &mut Context, bodies: &[(&[u8], u64)]) -> Result<u64, i32> {
    let is_answered = std::mem::take(&mut context.is_answered);
    let mut spans: Vec<(Span<'_>, u64, Cow<'_, str>)> = Vec::with_capacity(bodies.len());
    for (body, extra) in bodies {
        let span = proto::span(body).map_err(|()| 2)?;
        let name = without_ids(span.name);
        spans.push((span, *extra, name));
    }
    spans.sort_by(|(one, _, name), (other, _, other_name)| {
        (one.start_ns, std::cmp::Reverse(one.end_ns), name)
            .cmp(&(other.start_ns, std::cmp::Reverse(other.end_ns), other_name))
    });
    let index: QuickMap<&[u8], i64> =
        spans.iter().enumerate().map(|(i, (span, _, _))| (span.span_id, i as i64)).collect();
    if index.len() < spans.len() {
        return Err(3);
    }
    let (asked, naming) = (context.asked.as_ref(), &context.naming);
    let of_asked = |key: &str| asked.map_or((None, false), |asked| asked.of(key));
    let is_name = |key: &str| naming.contains(key);
    let mut of_span = |span: &Span<'_>| context.met.of_span(span, &of_asked, &is_name);
    let keys: Vec<SpanKeys> = spans.iter().map(|(span, _, _)| of_span(span)).collect();
    let mut parsed = Parsed::default();
    let answers = match &context.asked {
        None => Vec::new(),
        Some(asked) => asked.answers(&spans, &keys, &index, is_answered, &mut parsed)?,
    };
    let start_s = spans.first().map_or(0, |(span, _, _)| span.start_ns / 1_000_000_000);
    let size = bodies.iter().map(|(body, _)| body.len()).sum();
    let Context { words, numbers, signs, .. } = context;
    let mut reading = Reading::new(start_s, size, words, numbers, signs, &mut parsed);
    for (at, (span, extra, name)) in spans.iter().enumerate() {
        let is_root = span.parent_id.iter().all(|byte| *byte == 0);
        let parent = if is_root { -2 } else { *index.get(span.parent_id).unwrap_or(&-1) };
        let head = (name, span.kind, span.status, parent, span.links, span.is_cut, *extra);
        reading.tokens.put(b'P', head);
        reading.ids_in(span.name);
        if let Some(answer) = answers.get(at) {
            reading.tokens.mark(b'Q', *answer as i64);
        }
        attributes(&mut reading, &keys[at].own, &span.attributes).map_err(|TooMuch| 1)?;
        for (event, keys) in span.events.iter().zip(&keys[at].of_events) {
            reading.tokens.text(b'E', event.name);
            attributes(&mut reading, keys, &event.attributes).map_err(|TooMuch| 1)?;
        }
        if !span.status_message.is_empty() {
            let said = Any::Text(span.status_message);
            reading.take("status_message", &said).map_err(|TooMuch| 1)?;
        }
    }
    let found = reading.tokens.finish();
    scratch::leave((reading, index, answers, keys));
    scratch::leave(parsed);
    scratch::leave(spans);
    Ok(found)
}

fn attributes<'a>(
    reading: &mut Reading<'_, 'a>,
    keys: &[Told],
    pairs: &[(&'a str, Any<'a>)],
) -> Result<(), TooMuch> {
    for (told, (key, value)) in keys.iter().zip(pairs) {
        reading.tokens.mark(b'A', told.hash as i64);
        if told.is_name {
            name(reading, value);
            continue;
        }
        match value {
            Any::Bool(value) => reading.tokens.mark(b'b', u8::from(*value)),
            Any::Int(value) if told.is_score => score(reading, *value as f64),
            Any::Double(value) if told.is_score => score(reading, *value),
            Any::Int(_) | Any::Double(_) => {}
            other => reading.take(key, other)?,
        }
    }
    Ok(())
}

fn score(reading: &mut Reading<'_, '_>, value: f64) {
    if (0.0..=1.0).contains(&value) {
        reading.tokens.mark(b'd', (value * 10.0) as i64);
    }
}

fn name(reading: &mut Reading<'_, '_>, value: &Any<'_>) {
    match value {
        Any::Text(text) => {
            reading.tokens.text(b'V', &without_ids(text));
            reading.ids_in(text);
        }
        Any::Bool(value) => reading.tokens.mark(b'v', *value),
        Any::Int(value) => reading.tokens.mark(b'i', *value),
        Any::Double(value) => reading.tokens.mark(b'f', value.to_bits() as i64),
        Any::List(items) => {
            reading.tokens.mark(b'L', items.len() as i64);
            items.iter().for_each(|item| name(reading, item));
        }
        Any::Record(members) => {
            reading.tokens.mark(b'R', members.len() as i64);
            for (key, value) in members {
                reading.tokens.text(b'R', key);
                name(reading, value);
            }
        }
        Any::Bytes | Any::Nothing => reading.tokens.mark(b'N', 0u8),
    }
}

/// Returns a name with each run of hexadecimal digits and dashes that holds a decimal digit as `#`.
fn without_ids(name: &str) -> Cow<'_, str> {
    if !has_digit(name.as_bytes()) {
        return Cow::Borrowed(name);
    }
    let is_part = |b: &u8| b.is_ascii_hexdigit() || *b == b'-';
    let mut found = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(byte) = rest.as_bytes().first() {
        let size = if is_part(byte) {
            let size = rest.bytes().take_while(is_part).count();
            let run = &rest[..size];
            found.push_str(if run.bytes().any(|b| b.is_ascii_digit()) { "#" } else { run });
            size
        } else {
            let size = rest.bytes().take_while(|b| !is_part(b)).count();
            found.push_str(&rest[..size]);
            size
        };
        rest = &rest[size..];
    }
    Cow::Owned(found)
}
