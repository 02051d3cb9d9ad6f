//! The notation of RTX's plans: `name { … }` for sections, `key=value` inside them. A value is a word, a text
//! in quotes, or items in braces.

use super::damaged;
use crate::error::Result;

/// A value. A list is the text between its braces; [`items`] divides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Word(&'a str),
    Text(&'a str),
    List(&'a str),
}

impl<'a> Value<'a> {
    /// Returns the content of any value.
    pub fn text(self) -> &'a str {
        match self {
            Self::Word(text) | Self::Text(text) | Self::List(text) => text,
        }
    }

    /// Returns the text between the braces of a list.
    pub fn list(self) -> Option<&'a str> {
        if let Self::List(text) = self { Some(text) } else { None }
    }
}

/// An item of a list: a value, with its key if it has one.
pub type Item<'a> = (Option<&'a str>, Value<'a>);

/// Divides the text between braces into items.
pub fn items(text: &str) -> impl Iterator<Item = Result<Item<'_>>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let item = item(&mut rest);
        if item.is_err() {
            rest = "";
        }
        Some(item)
    })
}

/// Returns the value of the first of the keys that is there.
pub fn field<'a>(list: &'a str, keys: &[&str]) -> Result<Option<Value<'a>>> {
    for item in items(list) {
        if let (Some(key), value) = item?
            && keys.contains(&key)
        {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn item<'a>(rest: &mut &'a str) -> Result<Item<'a>> {
    let value = value(rest, true)?;
    let (Value::Word(key), Some(after)) = (value, rest.trim_start().strip_prefix('=')) else {
        return Ok((None, value));
    };
    *rest = after.trim_start();
    Ok((Some(key), self::value(rest, false)?))
}

/// Takes a value from the front of `rest`. `is_first` tells whether it may turn out to be a key.
fn value<'a>(rest: &mut &'a str, is_first: bool) -> Result<Value<'a>> {
    let text = *rest;
    match text.as_bytes().first() {
        Some(b'{') => {
            let end = closing(text)?;
            *rest = &text[end + 1..];
            Ok(Value::List(&text[1..end]))
        }
        Some(b'"') => {
            let inside = &text[1..];
            let end = inside.find('"').ok_or_else(|| damaged("a quotation mark is missing"))?;
            *rest = &inside[end + 1..];
            Ok(Value::Text(&inside[..end]))
        }
        _ => {
            let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}') || (is_first && c == '=');
            let end = text.find(ends).unwrap_or(text.len());
            if end == 0 {
                return Err(damaged("there is no value at a place where one must be"));
            }
            *rest = &text[end..];
            Ok(Value::Word(&text[..end]))
        }
    }
}

/// Returns the position of the brace that closes the one at the front. Braces in quotation marks are text.
fn closing(text: &str) -> Result<usize> {
    let (mut depth, mut is_quoted) = (0usize, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'{' if !is_quoted => depth += 1,
            b'}' if !is_quoted => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
            _ => {}
        }
    }
    Err(damaged("a brace is not closed"))
}
