//! Findings: facts about a result that the user must know and that are no errors.
//!
//! The function that makes a result puts its findings into the result and logs each of them once. The log,
//! the command-line tool, C and C++ therefore report the same findings.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::{self, Display};

use serde::Serialize;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; the result is as requested.
    Note,
    /// The result can be used, but it is slower, less accurate or less complete than it should be.
    Warning,
    /// The result is useless: TensorRT ignores it, fails, or computes wrong values.
    Error,
}

impl Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A fact about a result that the user must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// The fact, as text.
    pub message: String,
    /// The tensors (or files) concerned, in order; empty if the finding concerns the whole.
    pub tensors: Vec<String>,
    /// The recommended action, as an imperative; empty if there is none.
    pub remedy: String,
}

/// The number of names that the text of a finding shows.
const SHOWN: usize = 5;

impl Finding {
    /// Creates a finding that is worth knowing.
    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    /// Creates a finding that costs speed, accuracy or completeness.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// Creates a finding that makes the result useless.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), tensors: Vec::new(), remedy: String::new() }
    }

    /// Sets the tensors concerned.
    #[must_use]
    pub fn about<Name: Into<String>>(mut self, tensors: impl IntoIterator<Item = Name>) -> Self {
        self.tensors = tensors.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the recommended action.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Logs the finding: a note at level `INFO`, all others at level `WARN`.
    ///
    /// Within [`once`], a finding that this thread has logged already is not logged again.
    pub fn log(&self) {
        let is_new = LOGGED
            .with_borrow_mut(|logged| logged.as_mut().is_none_or(|logged| logged.insert(self.to_string())));
        if !is_new {
            return;
        }
        match self.severity {
            Severity::Note => tracing::info!("{self}"),
            Severity::Warning | Severity::Error => tracing::warn!("{self}"),
        }
    }
}

thread_local! {
    /// The findings logged so far within [`once`]; `None` outside of it.
    static LOGGED: RefCell<Option<HashSet<String>>> = const { RefCell::new(None) };
}

/// Runs `work` and logs each finding at most once.
///
/// Use it for work that repeats its findings, such as opening the data for every pass over it.
pub fn once<T>(work: impl FnOnce() -> T) -> T {
    /// Ends the scope of [`once`], also on a panic.
    struct End(bool);
    impl Drop for End {
        fn drop(&mut self) {
            if self.0 {
                LOGGED.set(None);
            }
        }
    }
    let begins = LOGGED.with_borrow_mut(|logged| {
        logged.is_none() && {
            *logged = Some(HashSet::new());
            true
        }
    });
    let _end = End(begins);
    work()
}

/// Formats the message, the first names and the remedy in one line.
impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.tensors.is_empty() {
            let quoted: Vec<String> = self.tensors.iter().map(|name| format!("'{name}'")).collect();
            write!(f, ": {}", listed(&quoted, SHOWN))?;
        }
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

/// Logs all findings.
pub fn log_all(findings: &[Finding]) {
    findings.iter().for_each(Finding::log);
}

/// Formats a count with its noun: `1 tensor`, `2 tensors`.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Formats the first `shown` items and the number of the others.
pub fn listed<T: Display>(items: &[T], shown: usize) -> String {
    let first: Vec<String> = items.iter().take(shown).map(T::to_string).collect();
    let more = match items.len().saturating_sub(shown) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    first.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::log::Sink;

    #[test]
    fn sentences() {
        assert_eq!(
            [counted(0usize, "node"), counted(1u64, "node"), counted(2usize, "node")],
            ["0 nodes", "1 node", "2 nodes"]
        );
        assert_eq!(listed(&["a", "b"], 2), "a, b");
        assert_eq!(listed(&["a", "b", "c"], 1), "a and 2 more");
        assert_eq!(listed::<&str>(&[], 3), "");
    }

    #[test]
    fn a_finding_is_one_line() {
        let finding = Finding::warning("no range").about(["a", "b", "c", "d", "e", "f"]).with_remedy("look");
        assert_eq!(finding.to_string(), "no range: 'a', 'b', 'c', 'd', 'e' and 1 more; look");
        assert_eq!(Finding::note("fine").to_string(), "fine");
    }

    #[test]
    fn a_finding_is_said_once_where_work_repeats_it() {
        let counter = Arc::new(AtomicUsize::new(0));
        let logged = || counter.load(Ordering::Relaxed);
        let count = counter.clone();
        let sink = Sink::new(
            |_| true,
            move |_, _| {
                count.fetch_add(1, Ordering::Relaxed);
            },
        );
        let finding = Finding::warning("left out");
        tracing::subscriber::with_default(sink, || {
            once(|| {
                finding.log();
                once(|| finding.log());
                finding.log();
                Finding::note("another").log();
            });
            assert_eq!(logged(), 2);
            finding.log();
            finding.log();
            assert_eq!(logged(), 4);
        });
    }
}
