//! Log messages of the library, passed to a callback.

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::{OnceLock, PoisonError, RwLock};

use tracing::Level;

use crate::error::{Error, ErrorKind};
use crate::log::Sink;

use super::callback::{User, qdq_free_fn};
use super::error::qdq_error;
use super::guard::guard;
use super::handle::c_text;
use super::number_set::NumberSet;
use super::status::qdq_status;

/// The level of a message: one of the QDQ_LOG_ numbers.
pub type qdq_log_level = i32;

/// Something is probably wrong.
pub const QDQ_LOG_WARNING: qdq_log_level = 0;
/// Something worth knowing.
pub const QDQ_LOG_INFO: qdq_log_level = 1;
/// Details for debugging.
pub const QDQ_LOG_DEBUG: qdq_log_level = 2;

/// Receives a message of the library. The message is valid during the call. qdq calls it on any thread, on
/// several at the same time. It must not call functions of qdq, and it must not leave by an exception or
/// longjmp.
pub type qdq_log_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, level: qdq_log_level, message: *const c_char)>;

struct Callback {
    call: unsafe extern "C" fn(*mut c_void, qdq_log_level, *const c_char),
    user: User,
    level: qdq_log_level,
}

static CALLBACK: RwLock<Option<Callback>> = RwLock::new(None);

thread_local! {
    static IS_CALLING: Cell<bool> = const { Cell::new(false) };
}

/// Sends the messages of the library up to a level to `log`, and replaces the callback that was set before.
/// `log` may be NULL for silence, the default. The setting holds for the whole process. After this function
/// has returned, the earlier callback is not called any more.
///
/// `free_user` may be NULL. Otherwise it is called once with `user`: when another callback is set, or before
/// this function returns with an error.
///
/// Returns QDQ_ERROR_UNSUPPORTED in a Rust program that already has a subscriber for `tracing`, which
/// receives the messages.
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
        LEVELS.value(level)?;
        static INSTALLED: OnceLock<bool> = OnceLock::new();
        if log.is_some()
            && !INSTALLED
                .get_or_init(|| tracing::subscriber::set_global_default(Sink::new(wants, tell)).is_ok())
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the process has a subscriber for messages already",
            )
            .with_remedy("read qdq's messages there"));
        }
        let callback = log.map(|call| Callback { call, user, level });
        let before =
            std::mem::replace(&mut *CALLBACK.write().unwrap_or_else(PoisonError::into_inner), callback);
        // Frees the earlier `user`, now that nothing calls its callback and the lock is free.
        drop(before);
        // The new level may include messages that the earlier one excluded.
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    })
}

const LEVELS: NumberSet<Level> = NumberSet::new(
    "log level",
    "QDQ_LOG_",
    &[(QDQ_LOG_WARNING, Level::WARN), (QDQ_LOG_INFO, Level::INFO), (QDQ_LOG_DEBUG, Level::DEBUG)],
);

/// Returns the number of the level. ERROR counts as a warning, TRACE as debug.
fn number_of(level: Level) -> qdq_log_level {
    LEVELS.number_where(|known| level <= *known).unwrap_or(QDQ_LOG_DEBUG)
}

fn wants(level: Level) -> bool {
    !IS_CALLING.get()
        && CALLBACK
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .is_some_and(|callback| number_of(level) <= callback.level)
}

fn tell(level: Level, message: &str) {
    let text = c_text(message);
    // If the callback calls qdq in spite of the rule, a message of that call would wait for the lock that
    // this call holds.
    if IS_CALLING.replace(true) {
        return;
    }
    // The lock is held during the call, so that no call is running when `qdq_log_set` returns.
    let callback = CALLBACK.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(callback) = &*callback {
        // SAFETY: the header's rules for callbacks.
        unsafe { (callback.call)(callback.user.pointer(), number_of(level), text.as_ptr()) };
    }
    IS_CALLING.set(false);
}
