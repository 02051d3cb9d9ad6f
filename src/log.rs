//! The log messages of the library, passed to a function.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// A subscriber for [`tracing`] that passes the library's messages to a function.
///
/// It ignores spans, and it leaves out messages of other libraries: only their authors understand them.
pub struct Sink<W, T> {
    wants: W,
    tell: T,
}

impl<W: Fn(Level) -> bool, T: Fn(Level, &str)> Sink<W, T> {
    /// Makes a sink from two functions.
    ///
    /// `wants` returns whether messages of a level are wanted. `tell` gets the level and the text of wanted
    /// messages. Any thread may call both, several threads at once.
    pub fn new(wants: W, tell: T) -> Self {
        Self { wants, tell }
    }
}

impl<W: Fn(Level) -> bool + 'static, T: Fn(Level, &str) + 'static> Subscriber for Sink<W, T> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("qdq") && (self.wants)(*metadata.level())
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        (self.tell)(*event.metadata().level(), &message.0);
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn own_messages_of_a_wanted_level_arrive() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let heard_here = heard.clone();
        let tell = move |level, text: &str| heard_here.lock().unwrap().push((level, text.to_owned()));
        tracing::subscriber::with_default(Sink::new(|level| level <= Level::INFO, tell), || {
            tracing::warn!(tensor = "x", "{} of {}", 1, 2);
            tracing::debug!("not wanted");
            tracing::info!(target: "another", "not ours");
            tracing::info_span!("span").in_scope(|| tracing::info!("inside"));
        });
        let expected = [(Level::WARN, "1 of 2".to_owned()), (Level::INFO, "inside".to_owned())];
        assert_eq!(*heard.lock().unwrap(), expected);
    }
}
