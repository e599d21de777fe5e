//! Reads the plainest of what Python writes for lists and records. It says no rather than guess.

use std::borrow::Cow;

use crate::json::Value;

const MAX_DEPTH: usize = 30;
const MAX_BYTES: usize = 65_536;

/// Returns the value of a text without escapes, `None` where it holds anything else.
pub fn parse(text: &str) -> Option<Value<'_>> {
    if text.len() > MAX_BYTES || text.contains(['\\', '\0', '#']) {
        return None;
    }
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    let is_container = matches!(value, Value::List(_) | Value::Record(_));
    (is_container && parser.at == text.len()).then_some(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let found = self.text[self.at..].starts_with(wanted);
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'{' => self.record(depth),
            b'[' => self.list(b']', depth).map(Value::List),
            // One value in parentheses is that value.
            b'(' => self.list(b')', depth).filter(|items| items.len() > 1).map(Value::List),
            b'\'' | b'"' => self.string().map(|text| Value::Text(Cow::Borrowed(text))),
            b'-' | b'0'..=b'9' => self.number(),
            _ if self.takes("True") => Some(Value::Bool(true)),
            _ if self.takes("False") => Some(Value::Bool(false)),
            _ if self.takes("None") => Some(Value::Null),
            _ => None,
        }
    }

    fn list(&mut self, end: u8, depth: usize) -> Option<Vec<Value<'a>>> {
        self.at += 1;
        let mut items = Vec::new();
        while self.peek()? != end {
            if !items.is_empty() && !self.takes(", ") {
                return None;
            }
            items.push(self.value(depth + 1)?);
        }
        self.at += 1;
        Some(items)
    }

    fn record(&mut self, depth: usize) -> Option<Value<'a>> {
        self.at += 1;
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        while self.peek()? != b'}' {
            if !members.is_empty() && !self.takes(", ") {
                return None;
            }
            let key = self.string()?;
            if !self.takes(": ") || members.iter().any(|(known, _)| known == key) {
                return None;
            }
            members.push((Cow::Borrowed(key), self.value(depth + 1)?));
        }
        self.at += 1;
        Some(Value::Record(members))
    }

    fn string(&mut self) -> Option<&'a str> {
        let quote = self.peek().filter(|quote| matches!(quote, b'\'' | b'"'))?;
        let rest = &self.text[self.at + 1..];
        let size = rest.find(char::from(quote))?;
        let found = &rest[..size];
        self.at += size + 2;
        // Two quotes in a row begin a longer kind of string.
        let is_plain = !found.contains('\n') && self.peek() != Some(quote);
        is_plain.then_some(found)
    }

    fn number(&mut self) -> Option<Value<'a>> {
        let rest = &self.text[self.at..];
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
        let word = &rest[..rest.bytes().take_while(is_part).count()];
        self.at += word.len();
        let digits = word.strip_prefix('-').unwrap_or(word);
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(part) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        if digits.len() == whole.len() {
            return word.parse().ok().map(Value::Int);
        }
        word.parse().ok().map(Value::Float)
    }
}
