//! Reading of the file.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::{Arg, Command};
use qdq::error::{Error, ErrorKind, Result};
use toml_edit::{Document, Item, Value};

use super::{keys, loose, paths};

/// The size of a file that is none of options.
const TOO_LARGE: u64 = 1 << 20;

/// The values of one argument in the file.
pub struct Entry {
    pub key: String,
    /// The line of the key, from 1.
    pub line: usize,
    /// The values, as words of a command line. A flag has none.
    pub values: Vec<OsString>,
}

/// Reads the options of a command.
///
/// # Errors
/// `Io` if the file cannot be read; `InvalidArgument`, with the line, if it is not TOML, if it has a key that
/// is no argument of the command, and for a value that the argument does not take.
pub fn read(path: &Path, command: &Command) -> Result<Vec<Entry>> {
    let text = content(path)?;
    let at =
        |offset: usize| 1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|&&b| b == b'\n').count();
    let place = Place { path, text: &text, command };
    let document = Document::parse(text.as_str()).map_err(|error| {
        let line = error.span().map_or(1, |span| at(span.start));
        place.refusal(line, error.message().trim_end(), "write it as TOML: key = value, with texts in quotes")
    })?;
    let mut entries = Vec::new();
    for (key, item) in document.iter() {
        let of_key = document.as_table().key(key).and_then(|key| key.span());
        let line = of_key.or_else(|| item.span()).map_or(1, |span| at(span.start));
        let (arg, values) = place.values(key, item, line)?;
        let Some(values) = values else { continue };
        let entry = Entry { key: key.to_owned(), line, values };
        place.check(arg, &entry)?;
        entries.push(entry);
    }
    Ok(entries)
}

fn content(path: &Path) -> Result<String> {
    let unreadable = |source| Error::io("read", path, source);
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(TOO_LARGE + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > TOO_LARGE {
        let message = format!("{}: is too large for a file of options", path.display());
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_remedy("give the file that --save-config wrote, or one of your own like it"));
    }
    Ok(text)
}

struct Place<'a> {
    path: &'a Path,
    text: &'a str,
    command: &'a Command,
}

impl Place<'_> {
    fn refusal(&self, line: usize, message: impl std::fmt::Display, remedy: impl Into<String>) -> Error {
        let message = format!("{}, line {line}: {message}", self.path.display());
        Error::new(ErrorKind::InvalidArgument, message).with_remedy(remedy)
    }

    /// Returns the argument of a key and its values as words; `None` for a flag that is not set and for a
    /// list without elements.
    fn values(&self, key: &str, item: &Item, line: usize) -> Result<(&Arg, Option<Vec<OsString>>)> {
        let Some(arg) = keys::find(self.command, key) else { return Err(self.unknown(key, item, line)) };
        let wrong = |remedy: String| {
            self.refusal(line, format_args!("'{key}' takes no {}", item.type_name()), remedy)
        };
        let value = item.as_value().ok_or_else(|| wrong(needed(arg, key)))?;
        let values = match (value, keys::is_flag(arg)) {
            (Value::Boolean(set), true) => set.value().then(Vec::new),
            (_, true) => return Err(wrong(needed(arg, key))),
            (Value::Array(list), false) if keys::is_list(arg) => {
                let words: Option<Vec<_>> = list.iter().map(|value| self.word(arg, value)).collect();
                let message = format!("'{key}' has an element that is neither text nor number");
                let words = words.ok_or_else(|| self.refusal(line, message, needed(arg, key)))?;
                (!words.is_empty()).then_some(words)
            }
            (value, false) => Some(vec![self.word(arg, value).ok_or_else(|| wrong(needed(arg, key)))?]),
        };
        Ok((arg, values))
    }

    /// Returns the word for a text or a number. Relative paths count from the file's folder.
    fn word(&self, arg: &Arg, value: &Value) -> Option<OsString> {
        let word = match value {
            Value::String(text) => text.value().clone(),
            Value::Integer(number) => number.value().to_string(),
            // As it is written: a version 10.30 is not 10.3.
            Value::Float(number) => number.span().and_then(|span| self.text.get(span))?.replace('_', ""),
            _ => return None,
        };
        let folder = self.path.parent().unwrap_or(Path::new(""));
        Some(match keys::is_path(arg) && !word.is_empty() {
            true => paths::moved(arg, Path::new(&word), folder, folder),
            false => word.into(),
        })
    }

    fn unknown(&self, key: &str, item: &Item, line: usize) -> Error {
        let name = self.command.get_name();
        let known = keys::all(self.command);
        let nearest = known
            .iter()
            .map(|(known, _)| (strsim::jaro(known, key), known))
            .filter(|(likeness, _)| *likeness > 0.7)
            .max_by(|one, other| one.0.total_cmp(&other.0));
        let message = match item {
            _ if keys::TYPED_ONLY.contains(&key) => format!("'{key}' is for the command line alone"),
            Item::Table(_) | Item::ArrayOfTables(_) => {
                format!("'{key}' is a section, and the options of '{name}' are in none")
            }
            _ => format!("'{name}' has no option '{key}'"),
        };
        let remedy = match nearest {
            Some((_, nearest)) if !keys::TYPED_ONLY.contains(&key) => {
                format!("did you mean '{nearest}'? 'qdq help {name}' lists all")
            }
            _ => format!("leave it out; 'qdq help {name}' lists the options"),
        };
        self.refusal(line, message, remedy)
    }

    /// Lets clap check the values of one argument.
    fn check(&self, arg: &Arg, entry: &Entry) -> Result<()> {
        let words = keys::words(arg, &entry.key, &entry.values);
        let separator = arg.is_positional().then(|| OsString::from("--"));
        let words = std::iter::once("qdq".into()).chain(separator).chain(words);
        let Err(error) = loose::command(self.command).try_get_matches_from(words) else { return Ok(()) };
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let end = ["\n\nUsage:", "\n\nFor more"].iter().filter_map(|end| text.find(end)).min();
        let remedy = format!("see 'qdq help {}'", self.command.get_name());
        Err(self.refusal(entry.line, text[..end.unwrap_or(text.len())].trim_end(), remedy))
    }
}

/// Describes how the values of an argument are written.
fn needed(arg: &Arg, key: &str) -> String {
    match () {
        () if keys::is_flag(arg) => format!("write {key} = true"),
        () if keys::is_list(arg) => format!("write {key} = \"...\", or a list {key} = [\"...\", \"...\"]"),
        () => format!("write {key} = \"...\", or a number"),
    }
}
