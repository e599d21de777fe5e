//! A strict JSON reader that says no rather than guess. Depth is bounded; nothing else is copied
//! than texts with escapes.

use std::borrow::Cow;

use crate::quick::{hash_of, HashedSet};
use crate::wide::{Wide, WIDTH};

/// Deeper texts are read as no JSON; the reading has a lower limit of its own.
const MAX_DEPTH: usize = 200;
/// Up to so many keys are compared with each other.
const FEW_MEMBERS: usize = 12;
/// Room for so many before a list or record has to be moved.
const USUAL_COUNT: usize = 8;
const USUAL_BYTES: usize = 120;

pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Record(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Returns the value that the whole text is, `None` where it is not JSON.
pub fn parse(text: &str) -> Option<Value<'_>> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0 };
    parser.blank();
    let value = parser.value(0)?;
    parser.blank();
    (parser.at == parser.bytes.len()).then_some(value)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn blank(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            if *byte > b' ' || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return;
            }
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        match *self.bytes.get(self.at)? {
            b'{' => self.record(depth),
            b'[' => self.list(depth),
            b'"' => self.string().map(Value::Text),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Option<Value<'a>> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Some(value);
        }
        None
    }

    fn list(&mut self, depth: usize) -> Option<Value<'a>> {
        self.at += 1;
        let mut items = Vec::with_capacity(USUAL_COUNT);
        self.blank();
        if self.bytes.get(self.at) == Some(&b']') {
            self.at += 1;
            return Some(Value::List(items));
        }
        loop {
            self.blank();
            items.push(self.value(depth + 1)?);
            self.blank();
            match self.bytes.get(self.at)? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(Value::List(items));
                }
                _ => return None,
            }
        }
    }

    fn record(&mut self, depth: usize) -> Option<Value<'a>> {
        self.at += 1;
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> =
            Vec::with_capacity(USUAL_COUNT);
        self.blank();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Some(Value::Record(members));
        }
        loop {
            self.blank();
            if self.bytes.get(self.at) != Some(&b'"') {
                return None;
            }
            let key = self.string()?;
            self.blank();
            if self.bytes.get(self.at) != Some(&b':') {
                return None;
            }
            self.at += 1;
            self.blank();
            let value = self.value(depth + 1)?;
            members.push((key, value));
            self.blank();
            match self.bytes.get(self.at)? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(Value::Record(unique(members)));
                }
                _ => return None,
            }
        }
    }

    #[inline]
    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        loop {
            self.at += plain_size(&self.bytes[self.at..]);
            match *self.bytes.get(self.at)? {
                b'"' => {
                    // SAFETY: both ends lie beside a quote.
                    let found = unsafe { self.text.get_unchecked(start..self.at) };
                    self.at += 1;
                    return Some(Cow::Borrowed(found));
                }
                b'\\' => return self.escaped(start).map(Cow::Owned),
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
    }

    /// Reads on from the first escape of a string.
    #[inline(never)]
    fn escaped(&mut self, start: usize) -> Option<String> {
        let before = &self.bytes[start..self.at];
        let mut found: Vec<u8> = Vec::with_capacity(2 * before.len() + USUAL_BYTES);
        found.extend_from_slice(before);
        loop {
            match *self.bytes.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    // SAFETY: it is made of characters, and of what lies between ASCII bytes of a text.
                    return Some(unsafe { String::from_utf8_unchecked(found) });
                }
                b'\\' => {
                    let escape = *self.bytes.get(self.at + 1)?;
                    self.at += 2;
                    found.push(match escape {
                        b'"' | b'\\' | b'/' => escape,
                        b'b' => 8,
                        b'f' => 12,
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'u' => {
                            let char = self.unicode()?;
                            found.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                            continue;
                        }
                        _ => return None,
                    });
                }
                0..=0x1f => return None,
                _ => {
                    let from = self.at;
                    self.at += plain_size(&self.bytes[from..]);
                    while !matches!(self.bytes.get(self.at)?, b'"' | b'\\' | 0..=0x1f) {
                        self.at += 1;
                    }
                    found.extend_from_slice(&self.bytes[from..self.at]);
                }
            }
        }
    }

    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first);
        }
        if first >= 0xdc00 || !self.bytes[self.at..].starts_with(b"\\u") {
            return None;
        }
        self.at += 2;
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return None;
        }
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + (*digit as char).to_digit(16)?))
    }

    fn number(&mut self) -> Option<Value<'a>> {
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let first = self.at;
        self.digits()?;
        if self.bytes[first] == b'0' && self.at > first + 1 {
            return None;
        }
        let mut whole = true;
        if self.bytes.get(self.at) == Some(&b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            whole = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if whole {
            // Integers beyond 64 bits are floats to the other implementation as well.
            if let Ok(value) = text.parse::<i128>() {
                if value >= i128::from(i64::MIN) && value <= i128::from(u64::MAX) {
                    return Some(Value::Int(value));
                }
            }
        }
        let value: f64 = text.parse().ok()?;
        value.is_finite().then_some(Value::Float(value))
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Returns how many of the first bytes are surely no quote, backslash or control character.
#[inline]
fn plain_size(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at + WIDTH <= bytes.len() {
        let wide = Wide::of(&bytes[at..]);
        let marks = wide.is(b'"').or(wide.is(b'\\')).or(wide.within(0, 0x1f)).bits();
        if marks != 0 {
            return at + marks.trailing_zeros() as usize;
        }
        at += WIDTH;
    }
    at
}

/// Of equal keys the last value counts, at the place of the first.
fn unique<'a>(members: Vec<(Cow<'a, str>, Value<'a>)>) -> Vec<(Cow<'a, str>, Value<'a>)> {
    let repeats = if members.len() <= FEW_MEMBERS {
        (1..members.len()).any(|at| members[..at].iter().any(|(key, _)| *key == members[at].0))
    } else {
        let mut seen: HashedSet = HashedSet::default();
        members.iter().any(|(key, _)| !seen.insert(hash_of(key)))
    };
    if !repeats {
        return members;
    }
    let mut found: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(members.len());
    for (key, value) in members {
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some(member) => member.1 = value,
            None => found.push((key, value)),
        }
    }
    found
}
