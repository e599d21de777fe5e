//! What loaded rules ask of a run. The meaning of each question is in
//! `daemon/causewatch/likeness/asked.py`, and the answers are those of `answers.py`: the two tell
//! the same runs apart. What needs a pattern to be run, or payloads to be understood, is left open.

use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::{Hash, Hasher};

use crate::json::{self, Value};
use crate::keys::{SpanKeys, Told};
use crate::numbers::{
    bucket, clamped, counted, exact, is_no_number, operated, read_json, read_text, Number, MAX_EXACT,
};
use crate::parsed::Parsed;
use crate::payloads::Payloads;
use crate::proto::{Any, Span};
use crate::quick::{find, find_bytes, HashedMap, Quick, QuickMap, QuickSet};
use crate::scratch::kept;
use crate::weigh;

/// The run has to be judged in full.
pub const TOO_CLOSE: i32 = 1;
/// Somebody else has to compare payloads first.
pub const OPEN_PAYLOADS: i32 = 8;
/// Tells, as bits, which patterns of a key fit a text; keys are numbered as they are asked.
pub type Fits = extern "C" fn(usize, *const u8, usize) -> u64;
const MAX_FITTING_COUNT: usize = 16_384;
const SLACK: f64 = 1e-9;
const NAME: &str = "\0name";
const STATUS_MESSAGE: &str = "\0status_message";
/// What case-insensitive patterns take for s and k.
const ODD_CASE: [&str; 2] = ["\u{17f}", "\u{212a}"];

struct Pattern {
    needles: Vec<String>,
    is_folded: bool,
}

struct OfKey {
    slot: usize,
    limits: Vec<f64>,
    words: Vec<String>,
    patterns: Vec<Pattern>,
    is_whole: bool,
    is_same: bool,
}

struct Alias {
    slot: usize,
    path: String,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Attribute,
    Duration,
    Trace,
    Start,
    End,
}

struct Variable {
    what: What,
    slot: usize,
    aliases: Vec<Alias>,
    is_count: bool,
    of_parent: bool,
}

enum Put {
    Variable(Variable),
    Number(Number),
    Operator(u8),
}

struct Check {
    left: Vec<Put>,
    operator: String,
    right: Vec<Put>,
}

struct Total {
    variable: Variable,
    limit: f64,
    is_mean: bool,
    is_falling: bool,
}

struct Names {
    places: Vec<Alias>,
    ids: Vec<String>,
    is_whole: bool,
}

/// All that is asked.
#[derive(Default)]
pub struct Asked {
    /// Where the values lie that are asked for, by key.
    slots: QuickMap<String, usize>,
    keys: Vec<OfKey>,
    durations: Vec<f64>,
    trace_durations: Vec<f64>,
    checks: Vec<Check>,
    totals: Vec<Total>,
    names: Option<Names>,
    has_order: bool,
    size: Option<f64>,
    total_size: Option<f64>,
    gates: Vec<String>,
    /// Of payloads that are compared: their keys, and the texts without which a run holds none.
    payload_keys: QuickSet<String>,
    payload_gates: Vec<String>,
    reads_parents: bool,
    /// Without it a run in which a pattern may fit has to be judged in full.
    pub fits: Option<Fits>,
    /// By the hashes of a key's number and a text: which patterns fit it, and whether that is sure.
    fitting: RefCell<HashedMap<(u64, bool)>>,
}

type Values<'s, 'a> = Vec<Option<&'s Any<'a>>>;

/// One run while it is asked.
struct Run<'s, 'a> {
    spans: &'s [(Span<'a>, u64, Cow<'a, str>)],
    keys: &'s [SpanKeys],
    parents: Vec<Option<usize>>,
    traces: QuickMap<&'a [u8], (u64, u64)>,
    values: Vec<Values<'s, 'a>>,
}

impl Asked {
    /// Reads the questions as JSON; `None` where they are none.
    pub fn read(text: &str) -> Option<Asked> {
        let root = json::parse(text)?;
        let mut found = Asked::default();
        for each in list(&root, "keys") {
            let of_key = found.of_key(each)?;
            found.keys.push(of_key);
        }
        found.durations = floats(&root, "durations");
        found.trace_durations = floats(&root, "trace_durations");
        for each in list(&root, "tests") {
            let check = Check {
                left: found.puts(list(each, "left"))?,
                operator: text_of(each, "operator"),
                right: found.puts(list(each, "right"))?,
            };
            found.checks.push(check);
        }
        for each in list(&root, "totals") {
            let total = Total {
                variable: found.variable(member(each, "variable")?)?,
                limit: float(member(each, "limit")?)?,
                is_mean: is_true(each, "is_mean"),
                is_falling: is_true(each, "is_falling"),
            };
            found.totals.push(total);
        }
        if let Some(names @ Value::Record(_)) = member(&root, "names") {
            let places = found.aliases(list(names, "places"));
            let (ids, is_whole) = (texts(names, "ids"), is_true(names, "is_whole"));
            found.names = Some(Names { places, ids, is_whole });
        }
        found.has_order = is_true(&root, "has_order");
        found.size = member(&root, "size").and_then(float);
        found.total_size = member(&root, "total_size").and_then(float);
        found.gates = texts(&root, "gates");
        found.payload_gates =
            list(&root, "digests").iter().map(|each| text_of(each, "gate")).collect();
        for each in list(&root, "digests") {
            found.payload_keys.extend(texts(each, "keys"));
        }
        Some(found)
    }

    fn slot(&mut self, key: &str) -> usize {
        let next = self.slots.len();
        *self.slots.entry(key.to_owned()).or_insert(next)
    }

    fn of_key(&mut self, value: &Value<'_>) -> Option<OfKey> {
        let patterns = list(value, "patterns").iter();
        Some(OfKey {
            slot: self.slot(&text_of(value, "key")),
            limits: floats(value, "limits"),
            words: texts(value, "words"),
            patterns: patterns
                .map(|each| Pattern {
                    needles: texts(each, "needles"),
                    is_folded: is_true(each, "is_folded"),
                })
                .collect(),
            is_whole: is_true(value, "is_whole"),
            is_same: is_true(value, "is_same"),
        })
    }

    fn aliases(&mut self, values: &[Value<'_>]) -> Vec<Alias> {
        let read = |each: &Value<'_>| Alias {
            slot: self.slot(&text_of(each, "key")),
            path: text_of(each, "path"),
        };
        values.iter().map(read).collect()
    }

    fn variable(&mut self, value: &Value<'_>) -> Option<Variable> {
        let what = match text_of(value, "what").as_str() {
            "attribute" => What::Attribute,
            "duration" => What::Duration,
            "trace" => What::Trace,
            "start" => What::Start,
            "end" => What::End,
            _ => return None,
        };
        let of_parent = is_true(value, "of_parent");
        self.reads_parents |= of_parent;
        Some(Variable {
            what,
            slot: self.slot(&text_of(value, "key")),
            aliases: self.aliases(list(value, "aliases")),
            is_count: is_true(value, "is_count"),
            of_parent,
        })
    }

    fn puts(&mut self, values: &[Value<'_>]) -> Option<Vec<Put>> {
        let mut found = Vec::with_capacity(values.len());
        for value in values {
            found.push(match (member(value, "variable"), member(value, "number")) {
                (Some(variable @ Value::Record(_)), _) => Put::Variable(self.variable(variable)?),
                (_, Some(Value::Int(number))) => Put::Number(Number::Int(*number)),
                (_, Some(Value::Float(number))) => Put::Number(Number::Float(*number)),
                _ => Put::Operator(*text_of(value, "operator").as_bytes().first()?),
            });
        }
        Some(found)
    }

    /// Returns what goes into the likeness with each span, given in order of time. `is_answered`
    /// says that what this leaves open was answered elsewhere.
    pub fn answers<'a>(
        &self,
        spans: &[(Span<'a>, u64, Cow<'a, str>)],
        keys: &[SpanKeys],
        index: &QuickMap<&'a [u8], i64>,
        is_answered: bool,
        parsed: &mut Parsed,
    ) -> Result<Vec<u64>, i32> {
        let run = self.run(spans, keys, index);
        self.check(&run)?;
        let is_compared = self.payload_gates.iter().any(|gate| run.holds_text(gate));
        let mut payloads = Payloads::new(&self.payload_gates, parsed);
        let mut seen: HashedMap<usize> = HashedMap::default();
        let mut ids: HashedMap<usize> = HashedMap::default();
        let mut found = Vec::with_capacity(spans.len());
        for at in 0..spans.len() {
            let mut into = Quick::default();
            self.of_span(&run, at, &mut seen, &mut ids, &mut into)?;
            if is_compared {
                payloads.of_span(&spans[at].0, &keys[at], &mut into)?;
            }
            found.push(into.finish());
        }
        if payloads.is_open && !is_answered { Err(OPEN_PAYLOADS) } else { Ok(found) }
    }

    /// Returns what goes into a likeness for whose span it is, 0 where nothing is asked of that.
    pub fn origin(
        &self,
        resource: &[(&str, Any<'_>)],
        scope: &[(&str, Any<'_>)],
    ) -> Result<u64, i32> {
        let (mut into, mut has_any) = (Quick::default(), false);
        for (place, pairs) in [resource, scope].into_iter().enumerate() {
            let values = self.values(pairs);
            for (number, of_key) in self.keys.iter().enumerate() {
                let Some(value) = values[of_key.slot] else { continue };
                has_any = true;
                (place, number).hash(&mut into);
                self.fitting(number, value, &mut into)?;
                if of_key.is_same {
                    comparable(value, &mut into)?;
                } else {
                    of_key.token(value, &mut into)?;
                }
            }
        }
        Ok(if has_any { into.finish() } else { 0 })
    }

    /// Writes which patterns fit a value.
    fn fitting(&self, number: usize, value: &Any<'_>, into: &mut Quick) -> Result<(), i32> {
        match value {
            Any::Text(text) if self.keys[number].may_fit(text) => {
                self.fits_of(number, text)?.hash(into);
            }
            Any::Text(_) => 0u64.hash(into),
            Any::List(items) => {
                for item in items {
                    self.fitting(number, item, into)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns which patterns of a key fit a text, as bits. To ask takes long, so that it is kept.
    fn fits_of(&self, number: usize, text: &str) -> Result<u64, i32> {
        let fits = self.fits.ok_or(TOO_CLOSE)?;
        let mut hasher = Quick::default();
        (number, text).hash(&mut hasher);
        let found = self.fitting.borrow().get(&hasher.finish()).copied();
        if let Some((answer, true)) = found {
            return Ok(answer);
        }
        let answer = fits(number, text.as_ptr(), text.len());
        // One that could not be run answers by chance: only what was answered alike twice is kept.
        let is_sure = found.is_some_and(|(before, _)| before == answer);
        let mut known = self.fitting.borrow_mut();
        if known.len() >= MAX_FITTING_COUNT {
            known.clear();
        }
        kept(|| known.insert(hasher.finish(), (answer, is_sure)));
        Ok(answer)
    }

    fn run<'s, 'a>(
        &self,
        spans: &'s [(Span<'a>, u64, Cow<'a, str>)],
        keys: &'s [SpanKeys],
        index: &QuickMap<&'a [u8], i64>,
    ) -> Run<'s, 'a> {
        let mut traces: QuickMap<&[u8], (u64, u64)> = QuickMap::default();
        for (span, _, _) in spans {
            let times = traces.entry(span.trace_id).or_insert((span.start_ns, span.end_ns));
            *times = (times.0.min(span.start_ns), times.1.max(span.end_ns));
        }
        let parent = |span: &Span<'_>| {
            let is_root = span.parent_id.iter().all(|byte| *byte == 0);
            if is_root { None } else { index.get(span.parent_id).map(|at| *at as usize) }
        };
        Run {
            spans,
            keys,
            parents: spans.iter().map(|(span, _, _)| parent(span)).collect(),
            traces,
            values: spans
                .iter()
                .zip(keys)
                .map(|((span, _, _), keys)| self.placed(&keys.own, &span.attributes))
                .collect(),
        }
    }

    /// Returns where the value of a key goes, and whether its payloads are compared.
    pub fn of(&self, key: &str) -> (Option<u32>, bool) {
        (self.slots.get(key).map(|slot| *slot as u32), self.payload_keys.contains(key))
    }

    /// Does what `values` does where the keys were looked up.
    fn placed<'s, 'a>(&self, keys: &[Told], pairs: &'s [(&'a str, Any<'a>)]) -> Values<'s, 'a> {
        let mut found = vec![None; self.slots.len()];
        for (told, (_, value)) in keys.iter().zip(pairs) {
            if let Some(slot) = told.slot {
                found[slot as usize] = Some(value);
            }
        }
        found
    }

    fn values<'s, 'a>(&self, pairs: &'s [(&'a str, Any<'a>)]) -> Values<'s, 'a> {
        let mut found = vec![None; self.slots.len()];
        if !self.slots.is_empty() {
            for (key, value) in pairs {
                if let Some(slot) = self.slots.get(*key) {
                    found[*slot] = Some(value);
                }
            }
        }
        found
    }

    fn check(&self, run: &Run<'_, '_>) -> Result<(), i32> {
        if self.gates.iter().any(|gate| run.holds_text(gate)) {
            return Err(TOO_CLOSE);
        }
        if self.reads_parents {
            let mut ids: QuickMap<&[u8], ()> = QuickMap::default();
            for (span, _, _) in run.spans {
                if ids.insert(span.span_id, ()).is_some() {
                    return Err(TOO_CLOSE);
                }
            }
        }
        if self.size.is_some() || self.total_size.is_some() {
            let mut total = 0u64;
            let least = if self.total_size.is_none() { self.size.unwrap_or(0.0) as u64 } else { 0 };
            for ((span, _, _), keys) in run.spans.iter().zip(run.keys) {
                let (largest, together) = weigh::span(span, keys, least);
                total += together;
                if self.size.is_some_and(|limit| largest as f64 > limit) {
                    return Err(TOO_CLOSE);
                }
            }
            if self.total_size.is_some_and(|limit| total as f64 > limit) {
                return Err(TOO_CLOSE);
            }
        }
        self.totals.iter().try_for_each(|total| run.check_total(total))
    }

    /// Writes the answers of one span.
    fn of_span(
        &self,
        run: &Run<'_, '_>,
        at: usize,
        seen: &mut HashedMap<usize>,
        ids: &mut HashedMap<usize>,
        into: &mut Quick,
    ) -> Result<(), i32> {
        let (span, _, _) = &run.spans[at];
        if !self.durations.is_empty() {
            let length = i128::from(span.end_ns) - i128::from(span.start_ns);
            bucket(&self.durations, length as f64).hash(into);
        }
        if !self.trace_durations.is_empty() {
            bucket(&self.trace_durations, run.trace_ns(span) as f64).hash(into);
        }
        for check in &self.checks {
            run.holds(check, at)?.hash(into);
        }
        if self.has_order {
            run.spans.partition_point(|(other, _, _)| other.start_ns < span.end_ns).hash(into);
        }
        if let Some(names) = &self.names {
            names.ids(span.name, ids, into);
            for (place, alias) in names.places.iter().enumerate() {
                if let Some(value) = run.values[at][alias.slot] {
                    place.hash(into);
                    names.of(alias, value, ids, into);
                }
            }
        }
        self.in_place(0, &run.values[at], seen, into)?;
        let said = [(NAME, Any::Text(span.name)), (STATUS_MESSAGE, Any::Text(span.status_message))];
        if self.slots.contains_key(NAME) || self.slots.contains_key(STATUS_MESSAGE) {
            self.in_place(1, &self.values(&said), seen, into)?;
        }
        for (place, (event, keys)) in span.events.iter().zip(&run.keys[at].of_events).enumerate() {
            self.in_place(2 + place, &self.placed(keys, &event.attributes), seen, into)?;
        }
        Ok(())
    }

    fn in_place(
        &self,
        place: usize,
        values: &Values<'_, '_>,
        seen: &mut HashedMap<usize>,
        into: &mut Quick,
    ) -> Result<(), i32> {
        for (number, of_key) in self.keys.iter().enumerate() {
            let Some(value) = values[of_key.slot] else { continue };
            (place, number).hash(into);
            self.fitting(number, value, into)?;
            of_key.token(value, into)?;
            if of_key.is_same {
                let mut alone = Quick::default();
                comparable(value, &mut alone)?;
                let next = seen.len();
                seen.entry(alone.finish()).or_insert(next).hash(into);
            }
        }
        Ok(())
    }
}

impl OfKey {
    fn token(&self, value: &Any<'_>, into: &mut Quick) -> Result<(), i32> {
        if self.is_whole {
            return comparable(value, into);
        }
        match value {
            Any::Bool(value) => (1u8, *value).hash(into),
            Any::Int(value) => (2u8, bucket(&self.limits, clamped(*value))).hash(into),
            Any::Double(value) => (2u8, bucket(&self.limits, *value)).hash(into),
            Any::Text(text) => {
                let lower = self.words.partition_point(|word| word.as_str() < *text);
                let is_word = self.words.get(lower).is_some_and(|word| word == text);
                (3u8, lower * 2 + usize::from(is_word)).hash(into);
            }
            Any::List(items) => {
                (4u8, items.len()).hash(into);
                for item in items {
                    self.token(item, into)?;
                }
            }
            Any::Record(_) => 5u8.hash(into),
            Any::Bytes => 6u8.hash(into),
            Any::Nothing => 7u8.hash(into),
        }
        Ok(())
    }

    /// Tells whether a pattern may fit; never wrong when it says no.
    fn may_fit(&self, text: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.may_fit(text))
    }
}

impl Pattern {
    fn may_fit(&self, text: &str) -> bool {
        if self.needles.is_empty() {
            return true;
        }
        if !self.is_folded {
            return self.needles.iter().any(|needle| find(text, needle).is_some());
        }
        if !text.is_ascii() && ODD_CASE.iter().any(|odd| find(text, odd).is_some()) {
            return true;
        }
        let low = text.to_ascii_lowercase();
        self.needles.iter().any(|needle| find(&low, needle).is_some())
    }
}

impl Names {
    fn of(&self, alias: &Alias, value: &Any<'_>, ids: &mut HashedMap<usize>, into: &mut Quick) {
        if alias.path.is_empty() {
            return self.of_any(value, ids, into);
        }
        match value {
            Any::Text(text) => match json::parse(text) {
                Some(parsed) => match at_path(&parsed, &alias.path) {
                    Some(found) => self.of_json(found, ids, into),
                    None => 0u8.hash(into),
                },
                None if is_no_number(text) => 0u8.hash(into),
                None => self.ids(text, ids, into),
            },
            other => self.of_any(other, ids, into),
        }
    }

    fn of_any(&self, value: &Any<'_>, ids: &mut HashedMap<usize>, into: &mut Quick) {
        match value {
            Any::Text(text) => self.ids(text, ids, into),
            Any::List(items) => items.iter().for_each(|item| self.of_any(item, ids, into)),
            other => {
                // What cannot be told apart here is no name.
                let _ = comparable(other, into);
            }
        }
    }

    fn of_json(&self, value: &Value<'_>, ids: &mut HashedMap<usize>, into: &mut Quick) {
        match value {
            Value::Text(text) => self.ids(text, ids, into),
            Value::List(items) => items.iter().for_each(|item| self.of_json(item, ids, into)),
            Value::Record(members) => {
                for (key, member) in members {
                    key.hash(into);
                    self.of_json(member, ids, into);
                }
            }
            Value::Int(number) => number.hash(into),
            Value::Float(number) => number.to_bits().hash(into),
            Value::Bool(value) => value.hash(into),
            Value::Null => 1u8.hash(into),
        }
    }

    fn ids(&self, name: &str, ids: &mut HashedMap<usize>, into: &mut Quick) {
        let is_part = |b: &u8| b.is_ascii_hexdigit() || *b == b'-';
        let mut rest = name.as_bytes();
        while let Some(start) = rest.iter().position(is_part) {
            rest = &rest[start..];
            let size = rest.iter().take_while(|b| is_part(b)).count();
            let run = &rest[..size];
            rest = &rest[size..];
            if !run.iter().any(u8::is_ascii_digit) {
                continue;
            }
            let mut hasher = Quick::default();
            hasher.write(run);
            let number = hasher.finish();
            if self.is_whole || self.ids.iter().any(|id| id.as_bytes() == run) {
                (1u8, number).hash(into);
            } else {
                let next = ids.len();
                (0u8, *ids.entry(number).or_insert(next)).hash(into);
            }
        }
        0xffu8.hash(into);
    }
}

impl Run<'_, '_> {
    /// Tells whether a text is anywhere in the run; the empty one always is.
    fn holds_text(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let is_in = |span: &Span<'_>| find_bytes(span.body, bytes).is_some();
        bytes.is_empty() || self.spans.iter().any(|(span, _, _)| is_in(span))
    }

    fn trace_ns(&self, span: &Span<'_>) -> i128 {
        let (start, end) = self.traces[span.trace_id];
        i128::from(end) - i128::from(start)
    }

    fn number(&self, variable: &Variable, at: usize) -> Result<Option<Number>, i32> {
        let at = match (variable.of_parent, self.parents[at]) {
            (false, _) => at,
            (true, Some(parent)) => parent,
            (true, None) => return Ok(None),
        };
        let (span, _, _) = &self.spans[at];
        Ok(Some(Number::Int(match variable.what {
            What::Attribute => return self.attribute(variable, at),
            What::Duration => i128::from(span.end_ns) - i128::from(span.start_ns),
            What::Trace => self.trace_ns(span),
            What::Start => i128::from(span.start_ns),
            What::End => i128::from(span.end_ns),
        })))
    }

    fn attribute(&self, variable: &Variable, at: usize) -> Result<Option<Number>, i32> {
        if let Some(value) = self.values[at][variable.slot] {
            return match value {
                Any::Int(value) => exact(Number::Int(i128::from(*value))).map(Some),
                Any::Double(value) => exact(Number::Float(*value)).map(Some),
                _ => Ok(None),
            };
        }
        let mut found: Option<Option<Number>> = None;
        for alias in &variable.aliases {
            let Some(value) = self.values[at][alias.slot] else { continue };
            let Some(number) = alias.read(value, variable.is_count)? else { continue };
            let is_same = match (&found, &number) {
                (None, _) | (Some(None), None) => true,
                (Some(Some(one)), Some(other)) => one.float() == other.float(),
                _ => false,
            };
            if !is_same {
                return Err(TOO_CLOSE);
            }
            found = Some(number);
        }
        Ok(found.flatten())
    }

    fn check_total(&self, total: &Total) -> Result<(), i32> {
        let (mut sum, mut most, mut least) = (0.0, f64::NEG_INFINITY, f64::INFINITY);
        for at in 0..self.spans.len() {
            if let Some(number) = self.number(&total.variable, at)? {
                let number = number.float();
                sum += number.max(0.0);
                most = f64::max(most, number);
                least = least.min(number);
            }
        }
        if least == f64::INFINITY {
            return Ok(());
        }
        let room = total.limit.abs() * SLACK;
        let is_far = if total.is_falling {
            least > total.limit + room && (total.is_mean || least >= 0.0)
        } else {
            (if total.is_mean { most } else { sum }) < total.limit - room
        };
        if is_far { Ok(()) } else { Err(TOO_CLOSE) }
    }

    fn holds(&self, check: &Check, at: usize) -> Result<bool, i32> {
        let left = self.calculated(&check.left, at)?;
        let right = self.calculated(&check.right, at)?;
        let (Some(left), Some(right)) = (left, right) else { return Ok(false) };
        let order = match (left, right) {
            (Number::Int(left), Number::Int(right)) => left.cmp(&right),
            (left, right) => {
                let (left, right) = (left.float(), right.float());
                if left.abs() > MAX_EXACT || right.abs() > MAX_EXACT {
                    return Err(TOO_CLOSE);
                }
                left.partial_cmp(&right).ok_or(TOO_CLOSE)?
            }
        };
        Ok(match check.operator.as_str() {
            "=" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        })
    }

    fn calculated(&self, puts: &[Put], at: usize) -> Result<Option<Number>, i32> {
        if let [Put::Variable(variable)] = puts {
            return self.number(variable, at);
        }
        let mut stack: Vec<Option<Number>> = Vec::with_capacity(puts.len());
        for put in puts {
            let next = match put {
                Put::Variable(variable) => self.number(variable, at)?,
                Put::Number(number) => Some(*number),
                Put::Operator(operator) => {
                    let right = stack.pop().ok_or(TOO_CLOSE)?;
                    let left = stack.pop().ok_or(TOO_CLOSE)?;
                    match (left, right) {
                        (Some(left), Some(right)) => operated(*operator, left, right)?,
                        _ => None,
                    }
                }
            };
            stack.push(next);
        }
        stack.pop().ok_or(TOO_CLOSE)
    }
}

impl Alias {
    /// Returns the number a dialect reads: `None` where nothing is there, `Some(None)` for no number.
    fn read(&self, value: &Any<'_>, is_count: bool) -> Result<Option<Option<Number>>, i32> {
        if self.path.is_empty() {
            return match value {
                Any::Nothing => Ok(None),
                Any::Text("") => Ok(None),
                Any::Text(text) => read_text(text, is_count).map(Some),
                Any::Bool(_) => Ok(Some(None)),
                Any::Int(value) => counted(Number::Int(i128::from(*value)), is_count).map(Some),
                Any::Double(value) => counted(Number::Float(*value), is_count).map(Some),
                Any::List(_) | Any::Record(_) | Any::Bytes => Err(TOO_CLOSE),
            };
        }
        match value {
            Any::Text(text) => match json::parse(text) {
                Some(parsed) => read_json(at_path(&parsed, &self.path), is_count),
                None if is_no_number(text) => Ok(None),
                None => Err(TOO_CLOSE),
            },
            Any::List(_) | Any::Record(_) => Err(TOO_CLOSE),
            _ => Ok(None),
        }
    }
}

fn at_path<'v, 'a>(value: &'v Value<'a>, path: &str) -> Option<&'v Value<'a>> {
    let mut value = value;
    for name in path.split('.') {
        value = match value {
            Value::Record(members) => &members.iter().find(|(key, _)| key == name)?.1,
            Value::List(items) => items.get(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// Writes a value such that those that rules find equal write the same.
fn comparable(value: &Any<'_>, into: &mut Quick) -> Result<(), i32> {
    match value {
        Any::Text(text) => (1u8, text).hash(into),
        Any::Bool(value) => (2u8, value).hash(into),
        Any::Int(value) => (3u8, i128::from(*value)).hash(into),
        Any::Double(value) if value.fract() == 0.0 && value.abs() <= MAX_EXACT => {
            (3u8, *value as i128).hash(into);
        }
        Any::Double(value) => (4u8, value.to_bits()).hash(into),
        Any::List(items) => {
            (5u8, items.len()).hash(into);
            for item in items {
                comparable(item, into)?;
            }
        }
        Any::Record(members) => {
            (6u8, members.len()).hash(into);
            for (key, member) in members {
                key.hash(into);
                comparable(member, into)?;
            }
        }
        Any::Nothing => 7u8.hash(into),
        // Their content was not kept.
        Any::Bytes => return Err(TOO_CLOSE),
    }
    Ok(())
}

fn member<'v, 'a>(value: &'v Value<'a>, name: &str) -> Option<&'v Value<'a>> {
    match value {
        Value::Record(members) => members.iter().find(|(key, _)| key == name).map(|(_, v)| v),
        _ => None,
    }
}

fn list<'v, 'a>(value: &'v Value<'a>, name: &str) -> &'v [Value<'a>] {
    match member(value, name) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

fn texts(value: &Value<'_>, name: &str) -> Vec<String> {
    let text = |item: &Value<'_>| match item {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    };
    list(value, name).iter().filter_map(text).collect()
}

fn text_of(value: &Value<'_>, name: &str) -> String {
    match member(value, name) {
        Some(Value::Text(text)) => text.to_string(),
        _ => String::new(),
    }
}

fn floats(value: &Value<'_>, name: &str) -> Vec<f64> {
    list(value, name).iter().filter_map(float).collect()
}

fn float(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

fn is_true(value: &Value<'_>, name: &str) -> bool {
    matches!(member(value, name), Some(Value::Bool(true)))
}
