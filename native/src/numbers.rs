//! Numbers as rules compare and calculate with them: nothing is said of one that is not exact.

use crate::asked::TOO_CLOSE;
use crate::json::Value;

pub const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
const MAX_TOKENS_COUNT: i128 = 1_000_000_000_000_000;

#[derive(Clone, Copy)]
pub enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    pub fn float(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

pub fn operated(operator: u8, left: Number, right: Number) -> Result<Option<Number>, i32> {
    let found = match (left, right) {
        (Number::Int(left), Number::Int(right)) => {
            let whole = match operator {
                b'+' => left.checked_add(right),
                b'-' => left.checked_sub(right),
                b'*' => left.checked_mul(right),
                _ if right == 0 => return Ok(None),
                _ => left.checked_div(right),
            };
            Number::Int(whole.ok_or(TOO_CLOSE)?)
        }
        (left, right) => {
            let (left, right) = (left.float(), right.float());
            Number::Float(match operator {
                b'+' => left + right,
                b'-' => left - right,
                b'*' => left * right,
                _ if right == 0.0 => return Ok(None),
                _ => left / right,
            })
        }
    };
    exact(found).map(Some)
}

pub fn exact(number: Number) -> Result<Number, i32> {
    // Written so that what is no number is refused as well.
    if number.float().abs() <= MAX_EXACT { Ok(number) } else { Err(TOO_CLOSE) }
}

pub fn read_json(value: Option<&Value<'_>>, is_count: bool) -> Result<Option<Option<Number>>, i32> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) if text.is_empty() => Ok(None),
        Some(Value::Text(text)) => read_text(text, is_count).map(Some),
        Some(Value::Bool(_)) => Ok(Some(None)),
        Some(Value::Int(value)) => counted(Number::Int(*value), is_count).map(Some),
        Some(Value::Float(value)) => counted(Number::Float(*value), is_count).map(Some),
        Some(Value::List(_) | Value::Record(_)) => Err(TOO_CLOSE),
    }
}

pub fn read_text(text: &str, is_count: bool) -> Result<Option<Number>, i32> {
    let (whole, part) = text.split_once('.').map_or((text, "0"), |(whole, part)| (whole, part));
    let is_digits = |text: &str, most: usize| {
        !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit())
    };
    if is_digits(whole, 15) && is_digits(part, 9) {
        return counted(Number::Float(text.parse().map_err(|_| TOO_CLOSE)?), is_count);
    }
    if is_no_number(text) { Ok(None) } else { Err(TOO_CLOSE) }
}

pub fn is_no_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii() && !b.is_ascii_digit())
}

pub fn counted(number: Number, is_count: bool) -> Result<Option<Number>, i32> {
    let number = exact(number)?;
    if !is_count {
        return Ok(Some(Number::Float(number.float())));
    }
    if number.float() < 0.0 {
        return Ok(None);
    }
    let count = match number {
        Number::Int(value) => value,
        Number::Float(value) => value as i128,
    };
    Ok((count < MAX_TOKENS_COUNT).then_some(Number::Int(count)))
}

/// Returns an odd number for a value on a limit, an even one between two.
pub fn bucket(limits: &[f64], value: f64) -> i64 {
    if value.is_nan() {
        return -1;
    }
    let below = limits.partition_point(|limit| *limit < value);
    let upto = limits.partition_point(|limit| *limit <= value);
    (below + upto) as i64
}

/// Returns an integer as a float that lies on no limit where it is not exact.
pub fn clamped(value: i64) -> f64 {
    let float = value as f64;
    if float.abs() >= MAX_EXACT { float * 2.0 } else { float }
}
