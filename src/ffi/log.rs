//! What the library reports while it works, to a callback.

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::fmt;
use std::mem::MaybeUninit;
use std::sync::{OnceLock, PoisonError, RwLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::error::{Error, ErrorKind};

use super::callback::{User, qdq_free_fn};
use super::error::qdq_error;
use super::guard::guard;
use super::handle::c_text;
use super::status::qdq_status;

/// How important a message is: one of the QDQ_LOG_ numbers.
pub type qdq_log_level = i32;

/// Something is probably wrong.
pub const QDQ_LOG_WARNING: qdq_log_level = 0;
/// Something worth knowing.
pub const QDQ_LOG_INFO: qdq_log_level = 1;
/// For whoever looks for a fault.
pub const QDQ_LOG_DEBUG: qdq_log_level = 2;

/// Receives a message of the library, which is valid during the call. Called from any thread, from several at
/// once. It must not call functions of qdq nor return by an exception or longjmp.
pub type qdq_log_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, level: qdq_log_level, message: *const c_char)>;

struct Sink {
    call: unsafe extern "C" fn(*mut c_void, qdq_log_level, *const c_char),
    user: User,
    level: qdq_log_level,
}

static SINK: RwLock<Option<Sink>> = RwLock::new(None);

thread_local! {
    static IS_CALLING: Cell<bool> = const { Cell::new(false) };
}

/// Sends the messages of the library up to a level to `log`, in place of the callback set before; `log` may
/// be NULL for silence, the default. It holds for the whole process. When the function has returned, the
/// callback set before is not called any more. `free_user`, which may be NULL, is called once with `user`:
/// when another callback is set, or before this function returns with an error.
///
/// QDQ_ERROR_UNSUPPORTED in a Rust program that has a subscriber for `tracing` already: that one receives the
/// messages.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_log_set(
    log: qdq_log_fn,
    user: *mut c_void,
    free_user: qdq_free_fn,
    level: qdq_log_level,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    let user = User::new(user, free_user);
    guard(error, || {
        if !(QDQ_LOG_WARNING..=QDQ_LOG_DEBUG).contains(&level) {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("log level {level} is not known"))
                .with_remedy("use one of the QDQ_LOG_ numbers"));
        }
        static INSTALLED: OnceLock<bool> = OnceLock::new();
        if log.is_some() && !INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(Log).is_ok()) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the process has a subscriber for messages already",
            )
            .with_remedy("read qdq's messages there"));
        }
        let sink = log.map(|call| Sink { call, user, level });
        let before = std::mem::replace(&mut *SINK.write().unwrap_or_else(PoisonError::into_inner), sink);
        // Frees what the one before was given, now that nothing calls it and the lock is free.
        drop(before);
        // What was switched off at the level before may be wanted now.
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    })
}

fn level_of(level: Level) -> qdq_log_level {
    match level {
        Level::ERROR | Level::WARN => QDQ_LOG_WARNING,
        Level::INFO => QDQ_LOG_INFO,
        _ => QDQ_LOG_DEBUG,
    }
}

/// Hands the library's own messages to the callback. Spans are not followed.
struct Log;

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("qdq")
            && !IS_CALLING.get()
            && SINK
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .as_ref()
                .is_some_and(|sink| level_of(*metadata.level()) <= sink.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        let text = c_text(&message.0);
        // A message of a call that the callback makes all the same would wait for the lock that is held for
        // it.
        if IS_CALLING.replace(true) {
            return;
        }
        // Held during the call, so that no call is under way when `qdq_log_set` returns.
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(sink) = &*sink {
            // SAFETY: the header's rules for callbacks.
            unsafe { (sink.call)(sink.user.pointer(), level_of(*event.metadata().level()), text.as_ptr()) };
        }
        IS_CALLING.set(false);
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
