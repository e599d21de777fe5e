//! What one run looks like when its words are left out. The theory of operation, and the meaning of
//! each step, are in `daemon/causewatch/likeness/reading.py`: the two write alike for like runs.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use crate::json::{self, Value};
use crate::parsed::{Held, Parsed};
use crate::proto::Any;
use crate::quick::{find_bytes, hash_of, Grams, HashedMap, HashedSet, Quick, QuickMap, QuickSet};
use crate::scratch::kept;
use crate::signs::Signs;
use crate::wide::{self, Wide, WIDTH};

const MAX_RUN_CHARS: usize = 1_000_000;
const MAX_JSON_DEPTH: usize = 40;
const MAX_NODES_COUNT: usize = 20_000;
const MAX_SPOTS_COUNT: usize = 200;
const MIN_SPOT_CHARS: usize = 12;
const MIN_TEXT_CHARS: usize = 24;
const MIN_KNOWN_NUMBER: f64 = 100.0;
const MIN_WITHIN_CHARS: usize = 3;
const MIN_TIME_CHARS: usize = 10;
const MAX_RECENT_LISTS_COUNT: usize = 4;
const MIN_HISTORY_CHARS: usize = 20;
const MAX_WORDS_COUNT: usize = 16;
const MAX_WORD_KEYS_COUNT: usize = 10_000;
const MAX_SIGN_TEXT_CHARS: usize = 20_000;
/// How many places there are for the windows of texts: enough to leave most of them empty where a run
/// repeats itself as most do, but no more than 128 KiB, which have to be cleared.
const BYTES_PER_PLACE: usize = 8;
const GRAM_BITS: std::ops::RangeInclusive<u32> = 10..=15;
const BYTES_PER_TEXT: usize = 64;
const MAX_ROOM_COUNT: usize = 4_096;
/// A text that is looked for has at least as many.
const HEAD_BYTES: usize = 8;
/// A text has heads at so many places, so that only one place in as many has to be looked at.
const HEAD_STEP: usize = 4;
const HEAD_SLOTS: usize = 1 << 14;
const ENDS: &str = ".!?:;)]}\"'”»`>*|。！？…";
const TURN_KEYS: [&str; 4] = ["role", "parts", "type", "content"];
const ORDER_PARTS: [&str; 12] = [
    "vers", "seq", "rev", "epoch", "updat", "modif", "time", "stamp", "offset", "_at", "date",
    "order",
];
const USAGE_PARTS: [&str; 7] = ["token", "usage", "cost", "latency", "duration", "elapsed", "_ms"];
const AMOUNT_PARTS: [&str; 14] = [
    "page", "total", "count", "limit", "offset", "size", "hits", "length", "topk", "top_k", "max",
    "age", "ttl", "stale",
];

/// The run has more in it than is worth a look of this kind.
pub struct TooMuch;

/// Tokens, as a hash that is fed one by one; each kind has a tag of its own.
#[derive(Clone)]
pub struct Tokens(Quick);

impl Tokens {
    pub fn new() -> Self {
        Tokens(Quick::default())
    }

    pub fn put(&mut self, tag: u8, value: impl Hash) {
        tag.hash(&mut self.0);
        value.hash(&mut self.0);
    }

    /// As `put` where the value is a number.
    #[inline]
    pub fn mark(&mut self, tag: u8, value: impl Into<i64>) {
        self.0.pair(u64::from(tag), value.into() as u64);
    }

    pub fn text(&mut self, tag: u8, text: &str) {
        self.mark(tag, text.len() as i64);
        self.0.write(text.as_bytes());
    }

    pub fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// What a key tells of the numbers under it, found once for each key.
#[derive(Clone, Copy)]
struct Number {
    order: bool,
    amount: bool,
    usage: bool,
}

/// The keys that were met.
#[derive(Default)]
pub struct NumberKeys(HashedMap<Number>);

const MAX_KEYS_COUNT: usize = 100_000;

impl NumberKeys {
    fn told(&mut self, key: &str) -> Number {
        if self.0.len() >= MAX_KEYS_COUNT {
            self.0.clear();
        }
        let number = hash_of(key);
        if let Some(told) = self.0.get(&number) {
            return *told;
        }
        kept(|| *self.0.entry(number).or_insert_with(|| {
            let usage = has_part(key, &USAGE_PARTS);
            Number {
                order: has_part(key, &ORDER_PARTS),
                amount: has_part(key, &AMOUNT_PARTS) && !usage,
                usage,
            }
        }))
    }
}

/// Which single words occur under a key: few are the states of something, many are data.
#[derive(Default)]
pub struct Words(QuickMap<String, Option<QuickSet<String>>>);

impl Words {
    fn word<'t>(&mut self, key: &str, text: &'t str) -> &'t str {
        match self.0.get(key) {
            Some(None) => "?",
            Some(Some(words)) if words.contains(text) => text,
            _ => kept(|| self.new_word(key, text)),
        }
    }

    fn new_word<'t>(&mut self, key: &str, text: &'t str) -> &'t str {
        if !self.0.contains_key(key) && self.0.len() >= MAX_WORD_KEYS_COUNT {
            self.0.clear();
        }
        let known = self.0.entry(key.to_owned()).or_insert_with(|| Some(QuickSet::default()));
        let Some(words) = known else { return "?" };
        words.insert(text.to_owned());
        if words.len() <= MAX_WORDS_COUNT {
            return text;
        }
        *known = None;
        "?"
    }
}

/// An earlier text, where it lies in `Reading::text`, by the head that it has at `from`.
struct Spot {
    range: Range<usize>,
    from: usize,
    place: i64,
    /// The one before with the same head.
    next: Option<u32>,
}

pub struct Reading<'c, 'a> {
    pub tokens: Tokens,
    words: &'c mut Words,
    keys: &'c mut NumberKeys,
    signs: &'c Signs,
    parsed: &'c mut Parsed,
    days: i64,
    place: i64,
    chars: usize,
    nodes: usize,
    /// Within a list of records: what they hold may be new.
    is_data: bool,
    /// What is remembered next is prose, to be searched for in later texts.
    is_spot: bool,
    /// By the hashes of texts.
    seen: HashedMap<i64>,
    known: HashedSet,
    text: String,
    grams: Grams,
    starts: Vec<usize>,
    places: Vec<i64>,
    /// Earlier texts, each as often as it has heads, and the last of those with a head by that.
    spots: Vec<Spot>,
    spot_heads: QuickMap<u64, u32>,
    /// Which heads there are, as bits: nearly all windows of a text are none of them.
    heads: Box<[u64; HEAD_SLOTS / 64]>,
    fresh: String,
    lengths: QuickMap<usize, i64>,
    lists: Vec<(&'a str, i64)>,
    /// Where the ids in names were first, by their hashes.
    ids: HashedMap<usize>,
    /// By the hashes of keys.
    turns: HashedMap<f64>,
    times: HashedMap<String>,
}

fn chars_in(text: &str) -> usize {
    if wide::is_ascii(text.as_bytes()) { text.len() } else { text.chars().count() }
}

impl<'c, 'a> Reading<'c, 'a> {
    /// Starts to read a run of so many bytes.
    pub fn new(
        start_s: u64, size: usize, words: &'c mut Words, keys: &'c mut NumberKeys, signs: &'c Signs,
        parsed: &'c mut Parsed,
    ) -> Self {
        let bits = (size / BYTES_PER_PLACE).max(1).ilog2() + 1;
        let room = (size / BYTES_PER_TEXT).min(MAX_ROOM_COUNT);
        Reading {
            tokens: Tokens::new(),
            words,
            keys,
            signs,
            parsed,
            days: (start_s / 86_400) as i64,
            place: 2,
            chars: 0,
            nodes: 0,
            is_data: false,
            is_spot: false,
            seen: HashedMap::with_capacity_and_hasher(room, Default::default()),
            known: HashedSet::with_capacity_and_hasher(room, Default::default()),
            text: String::with_capacity((size / 2).min(MAX_RUN_CHARS)),
            grams: Grams::new(bits.clamp(*GRAM_BITS.start(), *GRAM_BITS.end())),
            starts: Vec::new(),
            places: Vec::new(),
            spots: Vec::new(),
            spot_heads: QuickMap::default(),
            heads: Box::new([0; HEAD_SLOTS / 64]),
            fresh: String::new(),
            lengths: QuickMap::default(),
            lists: Vec::new(),
            ids: HashedMap::default(),
            turns: HashedMap::default(),
            times: HashedMap::default(),
        }
    }

    /// Writes the ids in a name by where the run first had them.
    pub fn ids_in(&mut self, name: &str) {
        let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
        if !wide::has_digit(name.as_bytes()) {
            return;
        }
        for run in name.split(|c| !is_part(c)) {
            if run.bytes().any(|b| b.is_ascii_digit()) {
                let next = self.ids.len();
                let at = *self.ids.entry(hash_of(run)).or_insert(next);
                self.tokens.mark(b'#', at as i64);
            }
        }
    }

    pub fn take(&mut self, key: &str, value: &Any<'a>) -> Result<(), TooMuch> {
        self.place += 1;
        let mut tokens = std::mem::replace(&mut self.tokens, Tokens::new());
        let done = match value {
            Any::Text(text) => self.whole(key, text, &mut tokens),
            other => self.walk_off(key, Held::Own(json_of(other)), &mut tokens, 0),
        };
        self.tokens = tokens;
        done?;
        if !self.fresh.is_empty() {
            let fresh = std::mem::take(&mut self.fresh);
            let found = self.signs_in(&fresh[..fresh.len() - 1]);
            self.tokens.put(b'S', found);
        }
        Ok(())
    }

    fn signs_in(&self, text: &str) -> Vec<u32> {
        let size = chars_in(text);
        if size <= MAX_SIGN_TEXT_CHARS {
            return self.signs.of(text);
        }
        let half = MAX_SIGN_TEXT_CHARS / 2;
        let mut short: String = text.chars().take(half).collect();
        short.extend(text.chars().skip(size - half));
        self.signs.of(&short)
    }

    fn whole(&mut self, key: &str, text: &'a str, into: &mut Tokens) -> Result<(), TooMuch> {
        if text.is_empty() {
            into.mark(b'e', 0u8);
            return Ok(());
        }
        let hash = hash_of(text);
        let first = text.as_bytes()[0];
        if !matches!(first, b'{' | b'[' | b'"') {
            // A time on a span is telemetry's own.
            return self.leaf_of(key, text, hash, into, true);
        }
        if let Some(at) = self.seen.get(&hash) {
            into.mark(b'=', *at);
            return Ok(());
        }
        self.count(chars_in(text))?;
        if first == b'[' && self.goes_on(key, text, hash, into)? {
            return Ok(());
        }
        // SAFETY: a text is that of an attribute, or lies in a value that was found in one.
        match unsafe { self.parsed.of(text) } {
            None => {
                into.mark(b'~', 0u8);
                self.leaf_of(key, text, hash, into, false)
            }
            Some(parsed) => {
                self.seen.insert(hash, self.place);
                if first == b'"' {
                    into.mark(b'q', 0u8);
                }
                if first == b'[' {
                    self.keep_list(text);
                }
                self.walk_off(key, parsed, into, 1)
            }
        }
    }

    fn keep_list(&mut self, text: &'a str) {
        self.lists.push((text, self.place));
        if self.lists.len() > MAX_RECENT_LISTS_COUNT {
            self.lists.remove(0);
        }
    }

    fn goes_on(
        &mut self, key: &str, text: &'a str, hash: u64, into: &mut Tokens,
    ) -> Result<bool, TooMuch> {
        let mut found: Option<(i64, String)> = None;
        for (earlier, place) in self.lists.iter().rev() {
            let size = earlier.len();
            let is_longer = chars_in(earlier) > MIN_HISTORY_CHARS && size < text.len();
            if is_longer && text.as_bytes().starts_with(&earlier.as_bytes()[..size - 1]) {
                let rest = text[size - 1..].trim_start_matches(is_blank);
                if let Some(more) = rest.strip_prefix(',') {
                    found = Some((*place, format!("[{more}")));
                    break;
                }
            }
        }
        let Some((place, more)) = found else { return Ok(false) };
        let Some(parsed) = json::parse(&more) else { return Ok(false) };
        self.seen.insert(hash, self.place);
        into.mark(b'+', place);
        self.keep_list(text);
        self.walk_off(key, Held::Own(parsed), into, 1)?;
        Ok(true)
    }

    fn count(&mut self, chars: usize) -> Result<(), TooMuch> {
        self.chars += chars;
        if self.chars > MAX_RUN_CHARS { Err(TooMuch) } else { Ok(()) }
    }

    /// Walks over a value that is not needed afterwards.
    fn walk_off(&mut self, key: &str, value: Held<'_>, into: &mut Tokens, depth: usize) -> Result<(), TooMuch> {
        let done = self.walk(key, &value, into, depth);
        value.leave();
        done
    }

    fn walk(&mut self, key: &str, value: &Value<'_>, into: &mut Tokens, depth: usize) -> Result<(), TooMuch> {
        self.nodes += 1;
        if depth > MAX_JSON_DEPTH || self.nodes > MAX_NODES_COUNT {
            return Err(TooMuch);
        }
        match value {
            Value::Text(text) => {
                let is_nested = depth > 0
                    && text.len() > 1
                    && matches!(text.as_bytes()[0], b'{' | b'[' | b'"')
                    && text.chars().nth(1).is_some();
                if is_nested { self.nested(key, text, into, depth) } else { self.leaf(key, text, into) }
            }
            Value::Null => {
                into.mark(b'b', 2u8);
                Ok(())
            }
            Value::Bool(value) => {
                into.mark(b'b', u8::from(*value));
                Ok(())
            }
            Value::Int(value) => self.number(key, *value as f64, Some(*value), into),
            Value::Float(value) if value.is_nan() => {
                into.mark(b'B', 0u8);
                Ok(())
            }
            Value::Float(value) => self.number(key, *value, None, into),
            Value::Record(members) => self.record(members, into, depth),
            Value::List(items) => self.list(key, items, into, depth),
        }
    }

    fn nested(&mut self, key: &str, text: &str, into: &mut Tokens, depth: usize) -> Result<(), TooMuch> {
        let hash = hash_of(text);
        if let Some(at) = self.seen.get(&hash) {
            into.mark(b'=', *at);
            return Ok(());
        }
        // SAFETY: a text is that of an attribute, or lies in a value that was found in one.
        match unsafe { self.parsed.of(text) } {
            None => {
                into.mark(b'~', 0u8);
                self.leaf_of(key, text, hash, into, false)
            }
            Some(parsed) => {
                self.seen.insert(hash, self.place);
                into.mark(b'j', 0u8);
                self.walk_off(key, parsed, into, depth + 1)
            }
        }
    }

    fn record(&mut self, members: &[(Cow<'_, str>, Value<'_>)], into: &mut Tokens, depth: usize) -> Result<(), TooMuch> {
        into.mark(b'{', 0u8);
        let mut beside: Vec<f64> = Vec::new();
        let mut numbers: Vec<f64> = Vec::new();
        for (key, member) in members {
            into.text(b'k', key);
            self.walk(key, member, into, depth + 1)?;
            let is_number = matches!(member, Value::Int(_) | Value::Float(_) | Value::Bool(_));
            let is_amount = is_number && self.keys.told(key).amount;
            match member {
                Value::List(items) if beside.is_empty() => beside.push(items.len() as f64),
                Value::Int(value) if is_amount => numbers.push(*value as f64),
                Value::Float(value) if is_amount => numbers.push(*value),
                Value::Bool(value) if is_amount => {
                    numbers.push(f64::from(u8::from(*value)));
                }
                _ => {}
            }
        }
        if !numbers.is_empty() {
            beside.extend(numbers);
            let turns: Vec<i8> = beside.windows(2).map(|pair| compared(pair[0], pair[1])).collect();
            into.put(b'c', turns);
        }
        into.mark(b'}', 0u8);
        Ok(())
    }

    fn list(&mut self, key: &str, items: &[Value<'_>], into: &mut Tokens, depth: usize) -> Result<(), TooMuch> {
        let size = items.len();
        if size == 0 {
            into.mark(b'0', 0u8);
            return Ok(());
        }
        if items.iter().any(is_turn) {
            into.mark(b'[', size as i64);
            for item in items {
                self.walk(key, item, into, depth + 1)?;
            }
            return Ok(());
        }
        let place = self.place;
        let length = if size == 1 { 1 } else { *self.lengths.entry(size).or_insert(place) };
        let mut forms = Vec::with_capacity(size);
        let was_data = std::mem::replace(&mut self.is_data, true);
        for item in items {
            let mut form = Tokens::new();
            self.walk(key, item, &mut form, depth + 1)?;
            forms.push(form.finish());
        }
        self.is_data = was_data;
        forms.sort_unstable();
        forms.dedup();
        into.put(b'l', (size > 1, length, forms));
        Ok(())
    }

    fn number(&mut self, key: &str, value: f64, whole: Option<i128>, into: &mut Tokens) -> Result<(), TooMuch> {
        let told = self.keys.told(key);
        if told.order {
            if let Some(before) = self.turns.insert(hash_of(key), value) {
                into.mark(b'o', compared(value, before));
            }
        }
        if -MIN_KNOWN_NUMBER < value && value < MIN_KNOWN_NUMBER {
            into.mark(b'n', compared(value, 0.0));
            return Ok(());
        }
        if told.usage {
            into.mark(b'u', 0u8);
            return Ok(());
        }
        let text = match whole {
            Some(number) => number.to_string(),
            None => format!("{value:?}").replace('e', "e+").replace("e+-", "e-"),
        };
        let hash = hash_of(&text);
        if let Some(at) = self.seen.get(&hash) {
            into.mark(b'=', *at);
            return Ok(());
        }
        if self.known.contains(&hash) {
            into.mark(b'K', 0u8);
            self.remember(&text, hash, text.len());
            return Ok(());
        }
        let code = match whole {
            Some(number) if (400..=599).contains(&number) => (number / 100) as u8,
            _ => 0,
        };
        into.mark(b'N', code);
        self.remember(&text, hash, text.len());
        Ok(())
    }

    fn leaf(&mut self, key: &str, text: &str, into: &mut Tokens) -> Result<(), TooMuch> {
        self.leaf_of(key, text, hash_of(text), into, false)
    }

    fn leaf_of(
        &mut self, key: &str, text: &str, hash: u64, into: &mut Tokens, is_attribute: bool,
    ) -> Result<(), TooMuch> {
        if text.is_empty() {
            into.mark(b'e', 0u8);
            return Ok(());
        }
        if let Some(at) = self.seen.get(&hash) {
            into.mark(b'=', *at);
            return Ok(());
        }
        let size = chars_in(text);
        if let Some(at) = self.place_within(text, hash, size) {
            into.mark(b'=', at);
            return Ok(());
        }
        self.count(size)?;
        if size >= MIN_TIME_CHARS && is_day(text) {
            self.time(if is_attribute { "" } else { key }, text, into);
        } else if size >= MIN_TEXT_CHARS {
            self.prose(text, size, into);
        } else {
            let is_known = self.is_known(text, size) || self.is_data;
            if is_word(text) {
                into.text(b'w', self.words.word(key, text));
            } else {
                into.mark(b's', is_known);
            }
            self.fresh.push_str(text);
            self.fresh.push('\n');
        }
        self.remember(text, hash, size);
        Ok(())
    }

    fn time(&mut self, key: &str, text: &str, into: &mut Tokens) {
        let age = day_number(text).map_or(0, |day| self.days - day);
        let form: i8 = if age < -1 { -1 } else if age <= 1 { 0 } else if age <= 31 { 1 } else { 2 };
        into.mark(b't', form);
        if key.is_empty() {
            return;
        }
        if let Some(before) = self.times.insert(hash_of(key), text.to_owned()) {
            let turn: i8 = match text.cmp(before.as_str()) {
                std::cmp::Ordering::Greater => 1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Less => -1,
            };
            into.mark(b'o', turn);
        }
    }

    fn prose(&mut self, text: &str, size: usize, into: &mut Tokens) {
        let mut spots: Vec<i64> = Vec::new();
        self.spots_in(text, &mut spots);
        spots.sort_unstable();
        spots.dedup();
        let is_known = self.is_known(text, size) || self.is_data;
        let ends = text.chars().next_back().is_some_and(|last| ENDS.contains(last));
        into.put(b'x', (spots, is_known, ends));
        self.fresh.push_str(text);
        self.fresh.push('\n');
        self.is_spot = true;
    }

    /// Adds the places of the earlier texts that occur in one, each once or more.
    fn spots_in(&self, text: &str, places: &mut Vec<i64>) {
        if self.spots.is_empty() {
            return;
        }
        let bytes = text.as_bytes();
        for (step, window) in bytes.windows(HEAD_BYTES).step_by(HEAD_STEP).enumerate() {
            let head = head_of(window);
            let slot = slot_of(head);
            if self.heads[slot >> 6] >> (slot & 63) & 1 == 0 {
                continue;
            }
            let at = step * HEAD_STEP;
            let mut next = self.spot_heads.get(&head).copied();
            while let Some(number) = next {
                let spot = &self.spots[number as usize];
                let found = &self.text.as_bytes()[spot.range.clone()];
                if at >= spot.from && bytes[at - spot.from..].starts_with(found) {
                    places.push(spot.place);
                }
                next = spot.next;
            }
        }
    }

    /// Keeps a text that was remembered to be found in later ones.
    fn keep_spot(&mut self, range: Range<usize>) {
        for from in 0..HEAD_STEP {
            let head = head_of(&self.text.as_bytes()[range.start + from..]);
            let slot = slot_of(head);
            self.heads[slot >> 6] |= 1 << (slot & 63);
            let next = self.spot_heads.insert(head, self.spots.len() as u32);
            self.spots.push(Spot { range: range.clone(), from, place: self.place, next });
        }
    }

    fn is_known<'t>(&mut self, text: &'t str, size: usize) -> bool {
        let mut unseen: Vec<&'t str> = Vec::new();
        let mut note = |word: &'t str| {
            if self.known.insert(hash_of(word)) {
                unseen.push(word);
            }
        };
        // Nobody asks whether a plain word is known.
        if size == text.len() {
            odd_words(text, note);
        } else {
            text.split(is_blank).filter(|word| !is_plain(word)).for_each(&mut note);
        }
        let mut all = true;
        for word in unseen {
            let bare = word.trim_matches(is_edge);
            let is_new = bare.len() == word.len()
                || (!bare.is_empty() && !is_plain(bare) && self.known.insert(hash_of(bare)));
            if is_new {
                all = all && self.earlier(bare).is_some();
            }
        }
        all
    }

    /// Where a text that is part of an earlier one was first.
    fn place_within(&mut self, text: &str, hash: u64, size: usize) -> Option<i64> {
        if size < MIN_WITHIN_CHARS || (size < MIN_SPOT_CHARS && is_plain(text)) {
            return None;
        }
        let found = self.earlier(text)?;
        let index = self.starts.partition_point(|start| *start <= found) - 1;
        let at = -self.places[index];
        self.seen.insert(hash, at);
        Some(at)
    }

    /// Where the earlier texts, one after the other, first hold this one.
    fn earlier(&self, text: &str) -> Option<usize> {
        let mut from = self.grams.first(text)?;
        let (hay, wanted) = (self.text.as_bytes(), text.as_bytes());
        if from > 0 && wanted.contains(&0) {
            from = 0; // it may lie across the end of a text, which has no windows
        }
        if hay[from..].starts_with(wanted) {
            return Some(from);
        }
        find_bytes(&hay[from..], wanted).map(|at| from + at)
    }

    fn remember(&mut self, text: &str, hash: u64, size: usize) {
        self.seen.insert(hash, self.place);
        let start = self.text.len();
        self.starts.push(start);
        self.grams.add(text, start);
        self.places.push(self.place);
        self.text.push_str(text);
        self.text.push('\0');
        let is_spot = std::mem::replace(&mut self.is_spot, false)
            || (MIN_SPOT_CHARS..MIN_TEXT_CHARS).contains(&size);
        if is_spot && self.spots.len() < MAX_SPOTS_COUNT * HEAD_STEP {
            self.keep_spot(start..start + text.len());
        }
    }
}

pub fn json_of<'a>(value: &Any<'a>) -> Value<'a> {
    match value {
        Any::Text(text) => Value::Text(Cow::Borrowed(text)),
        Any::Bool(value) => Value::Bool(*value),
        Any::Int(value) => Value::Int(i128::from(*value)),
        Any::Double(value) => Value::Float(*value),
        Any::List(items) => Value::List(items.iter().map(json_of).collect()),
        Any::Record(members) => {
            Value::Record(members.iter().map(|(key, value)| (Cow::Borrowed(*key), json_of(value))).collect())
        }
        Any::Bytes => Value::Float(f64::NAN),
        Any::Nothing => Value::Null,
    }
}

fn is_turn(item: &Value<'_>) -> bool {
    match item {
        Value::Record(members) => members.iter().any(|(key, _)| TURN_KEYS.contains(&key.as_ref())),
        _ => false,
    }
}

fn compared(one: f64, other: f64) -> i8 {
    i8::from(one > other) - i8::from(one < other)
}

fn has_part(key: &str, parts: &[&str]) -> bool {
    let low = key.to_lowercase();
    parts.iter().any(|part| low.contains(part))
}

fn head_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..HEAD_BYTES].try_into().expect("eight bytes"))
}

fn slot_of(head: u64) -> usize {
    (head.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as usize
}

/// Hands on the words of an ASCII text that have more than letters in them.
fn odd_words<'t>(text: &'t str, mut take: impl FnMut(&'t str)) {
    let bytes = text.as_bytes();
    let (mut start, mut is_odd, mut at) = (0, false, 0);
    loop {
        // After the end there are blanks.
        let mut last = [b' '; WIDTH];
        let block = if at + WIDTH <= bytes.len() {
            &bytes[at..]
        } else {
            last[..bytes.len() - at].copy_from_slice(&bytes[at..]);
            &last
        };
        let wide = Wide::of(block);
        let blanks = wide.within(9, 13).or(wide.within(28, 32)).bits();
        let letters = wide.with(0x20).within(b'a', b'z').bits();
        let (mut ends, mut odd) = (blanks, !(blanks | letters) & 0xffff);
        while ends != 0 && (odd != 0 || is_odd) {
            let end = ends.trailing_zeros();
            let before = (1 << end) - 1;
            if is_odd || odd & before != 0 {
                take(&text[start..at + end as usize]);
            }
            (is_odd, odd, ends) = (false, odd & !before, ends & (ends - 1));
            start = at + end as usize + 1;
        }
        if ends != 0 {
            start = at + 32 - ends.leading_zeros() as usize;
        }
        is_odd |= odd != 0;
        at += WIDTH;
        if at > bytes.len() {
            return;
        }
    }
}

fn is_edge(c: char) -> bool {
    matches!(
        c,
        '.' | ',' | ';' | ':' | '!' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '\'' | '`'
            | '*' | '_' | '<' | '>' | '|' | '“' | '”' | '„' | '«' | '»' | '、' | '。'
    )
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn is_plain(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_alphabetic() || !b.is_ascii())
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_' || !b.is_ascii())
}

fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && [0, 1, 2, 3, 5, 6, 8, 9].iter().all(|at| bytes[*at].is_ascii_digit())
}

/// Returns the days from 1970 to the day a text begins with, `None` where there is no such day.
fn day_number(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if year < 1 || !(1..=12).contains(&month) || day < 1 || day > lengths[month as usize - 1] {
        return None;
    }
    let before = year - 1;
    let years = before * 365 + before / 4 - before / 100 + before / 400;
    let months: i64 = lengths[..month as usize - 1].iter().sum();
    Some(years + months + day - 719_163)
}
