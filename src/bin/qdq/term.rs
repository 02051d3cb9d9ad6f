//! The output of the tool: results on standard output, everything else on standard error.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io::{ErrorKind as IoErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use qdq::error::{Error, Result};
use qdq::pipeline::Progress;
use serde_json::Value;
use tracing::Level;

use crate::args::Common;
use crate::config::Origins;
use crate::log;

/// The amount and the form of the output.
pub struct Term {
    json: bool,
    verbose: bool,
    quiet: bool,
    /// The file of options that has been written, for the result.
    pub saved: Option<PathBuf>,
}

impl Term {
    /// Sets the amount of output, also for the library's events.
    pub fn new(common: &Common) -> Self {
        let level = match (common.quiet, common.verbose) {
            (true, _) => Level::ERROR,
            (_, true) => Level::DEBUG,
            _ => Level::INFO,
        };
        log::print_up_to(level);
        Self { json: common.json, verbose: common.verbose, quiet: common.quiet, saved: None }
    }

    /// Returns whether the output is verbose.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Prints the result of a command, as text or as JSON.
    pub fn result(&self, text: impl Display, json: &Value) -> Result<()> {
        if self.json {
            let mut json = json.clone();
            if let Some(path) = &self.saved {
                json["files"]["config"] = path.display().to_string().into();
            }
            print(&format!("{json:#}\n"))
        } else if self.quiet {
            Ok(())
        } else {
            let mut text = text.to_string();
            if let Some(path) = &self.saved {
                let line_end = if text.ends_with('\n') { "" } else { "\n" };
                text += &format!("{line_end}wrote {} (config)\n", path.display());
            }
            print(&text)
        }
    }

    /// Prints a note that is not part of the result.
    pub fn note(&self, message: impl Display) {
        if !self.quiet {
            say(format_args!("qdq: note: {message}"));
        }
    }

    /// Prints a detail, in verbose mode only.
    pub fn detail(&self, message: impl FnOnce() -> String) {
        if self.verbose {
            say(format_args!("qdq: {}", message()));
        }
    }

    /// Prints why a gate failed. It does so in quiet mode too, because a script's log needs it.
    pub fn gate(&self, message: impl Display) {
        say(format_args!("qdq: gate failed: {message}"));
    }

    /// Returns a progress bar for long work. It appears only if standard error is a terminal.
    pub fn progress(&self, what: &'static str) -> Bar {
        let is_shown = !self.quiet && std::io::stderr().is_terminal();
        let bar = if is_shown { ProgressBar::no_length() } else { ProgressBar::hidden() };
        bar.set_style(style("{msg} {pos} batches"));
        bar.set_message(what);
        Bar(bar)
    }
}

/// A progress bar that disappears at the end of the work.
pub struct Bar(ProgressBar);

impl Bar {
    /// Shows the progress. The caller calls it after every batch.
    pub fn show(&self, progress: Progress) -> ControlFlow<()> {
        if let Some(total) = progress.total_batches {
            if self.0.length().is_none() {
                self.0.set_style(style("{msg} [{bar:30}] {pos}/{len} batches, {eta} left"));
            }
            self.0.set_length(total as u64);
        }
        self.0.set_position(progress.batches as u64);
        ControlFlow::Continue(())
    }
}

/// Parses a template. The templates are constants and valid; an invalid one would only change the look.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The options that correspond to words of the library's remedies.
const TYPED: [(&str, &str); 21] = [
    ("run it in ONNX Runtime", "--runtime onnxruntime"),
    ("run it in the embedded runtime", "--runtime embedded"),
    ("run it in the other runtime", "--runtime"),
    ("give its path", "--onnxruntime PATH"),
    ("exclude the nodes", "--exclude NAME"),
    ("outputs to compare", "--output NAME"),
    ("fix the input", "--input NAME=VALUE"),
    ("profiling verbosity kDETAILED", "--detailed"),
    ("set feeds to whole", "--feeds whole"),
    ("raise the opset", "--opset N"),
    ("equalize or smooth the channels", "--equalize, --smooth"),
    ("use a percentile", "--method percentile"),
    ("use entropy", "--method entropy"),
    ("use mse", "--method mse"),
    ("cut off nothing", "--method max"),
    ("leave the layer in float", "--exclude NAME"),
    ("leave the layers before it in float", "--exclude NAME"),
    ("learn the rounding of its weight", "--learned-rounding"),
    ("measure each layer alone", "qdq sensitivity"),
    ("compare every tensor", "--per-tensor"),
    ("give the statistics of the calibration", "--stats FILE"),
];

/// Adds the matching options to a remedy of the library.
pub fn typed(remedy: &str) -> String {
    let add = |text: String, (words, options): &(&str, &str)| {
        text.replacen(words, &format!("{words} ({options})"), 1)
    };
    TYPED.iter().fold(remedy.to_owned(), add)
}

/// Returns the text of an error: the message, one line for each cause, and the first remedy among them.
fn render(error: &Error) -> String {
    let mut text = format!("qdq: error: {}", error.message());
    let mut remedy = error.remedy();
    let mut cause = error.source();
    while let Some(below) = cause {
        let known = below.downcast_ref::<Error>();
        let message = known.map_or_else(|| below.to_string(), |error| error.message().to_owned());
        text += &format!("\n  caused by: {message}");
        remedy = remedy.or_else(|| known?.remedy());
        cause = below.source();
    }
    if let Some(remedy) = remedy {
        text += &format!("\n  help: {}", typed(remedy));
    }
    text
}

/// Prints an error, one line for each of its causes, the remedy, and the lines of the file that it is about.
pub fn error(error: &Error, origins: &Origins) {
    let text = render(error);
    say(format_args!("{text}"));
    note_origins(&text, origins);
}

fn note_origins(text: &str, origins: &Origins) {
    origins.named_in(text).iter().for_each(|line| say(format_args!("  note: {line}")));
}

/// Prints an error in the arguments, or the requested help.
pub fn usage(error: &clap::Error, origins: &Origins) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        let is_mistake = error.kind() != clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        say(format_args!("{}{}", if is_mistake { "qdq: " } else { "" }, text.trim_end()));
        note_origins(&text, origins);
        return crate::EXIT_ERROR.into();
    }
    match print(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("{}", render(&error)));
            crate::EXIT_ERROR.into()
        }
    }
}

/// Prints to standard output. A closed pipe is no error: the reader has read enough.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != IoErrorKind::BrokenPipe => {
            Err(Error::io("write", Path::new("standard output"), error))
        }
        _ => Ok(()),
    }
}

/// Prints a line to standard error. If standard error is closed, there is no place to report that.
pub fn say(message: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

#[cfg(test)]
mod tests {
    use qdq::error::ErrorKind;

    use super::*;

    #[test]
    fn an_error_is_message_causes_and_the_first_remedy() {
        let lowest = std::io::Error::other("disk on fire");
        let middle =
            Error::new(ErrorKind::Io, "x: cannot read").with_source(lowest).with_remedy("put it out");
        let top = Error::new(ErrorKind::Data, "no data").with_source(middle);
        let expected =
            "qdq: error: no data\n  caused by: x: cannot read\n  caused by: disk on fire\n  help: put it out";
        assert_eq!(render(&top), expected);
    }

    #[test]
    fn remedies_of_the_library_get_their_options() {
        assert_eq!(
            typed("check it, or run it in ONNX Runtime; give its path"),
            "check it, or run it in ONNX Runtime (--runtime onnxruntime); give its path (--onnxruntime PATH)"
        );
    }
}
