//! Prints the library's log events as lines on standard error.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::term;

/// Prints events up to a level. Each text appears once, because a run computes some results several times.
///
/// Spans are ignored.
pub struct Log {
    level: Level,
    said: Mutex<HashSet<String>>,
}

impl Log {
    pub fn new(level: Level) -> Self {
        Self { level, said: Mutex::default() }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Events of other libraries are useful only to their authors.
        *metadata.level() <= self.level && metadata.target().starts_with("qdq")
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        if !self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(message.0.clone()) {
            return;
        }
        let kind = match *event.metadata().level() {
            Level::ERROR | Level::WARN => "warning: ",
            Level::INFO => "note: ",
            _ => "",
        };
        term::say(format_args!("qdq: {kind}{}", message.0));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// Hides the panic messages of the embedded runtime. The library turns these panics into errors, and a
/// backtrace does not help users of the tool.
pub fn hide_panics_of_runtimes() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_runtimes = |part: &OsStr| part.to_string_lossy().starts_with("rten-");
        if !panic.location().is_some_and(|place| Path::new(place.file()).iter().any(is_runtimes)) {
            before(panic);
        }
    }));
}
