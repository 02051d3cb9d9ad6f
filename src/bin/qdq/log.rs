//! Prints the library's log events as lines on standard error.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use qdq::log::Sink;
use tracing::Level;

use crate::term;

/// Prints the library's messages up to a level. Each text appears once, because a run computes some results
/// several times.
pub fn print_up_to(level: Level) {
    let printed: Mutex<HashSet<String>> = Mutex::default();
    let say = move |level, message: &str| {
        if !printed.lock().unwrap_or_else(PoisonError::into_inner).insert(message.to_owned()) {
            return;
        }
        let kind = match level {
            Level::ERROR | Level::WARN => "warning: ",
            Level::INFO => "note: ",
            _ => "",
        };
        term::say(format_args!("qdq: {kind}{}", term::typed(message)));
    };
    // This fails only if a subscriber is already set, and nothing else sets one.
    let _ = tracing::subscriber::set_global_default(Sink::new(move |of| of <= level, say));
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
