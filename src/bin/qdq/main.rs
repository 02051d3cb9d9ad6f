//! The command-line tool.
//!
//! [`args`] defines the arguments, [`idle`] refuses those without an effect, [`resolve`] converts them to the
//! library's types, and [`verb`] has one file for each command.

mod args;
mod idle;
mod log;
mod outputs;
mod resolve;
#[cfg(test)]
mod share;
mod term;
mod verb;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::Args;
use term::Term;

/// The result of a command that ran.
enum Outcome {
    /// The command succeeded.
    Done,
    /// The command ran, and its check failed.
    GateFailed,
}

/// The exit status of a failed gate, for scripts.
const EXIT_GATE_FAILED: u8 = 1;
/// The exit status of a command that could not run.
const EXIT_ERROR: u8 = 2;

fn main() -> ExitCode {
    let matches = match Args::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return term::usage(&error),
    };
    let args = match Args::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(error) => return term::usage(&error.format(&mut Args::command())),
    };
    let term = Term::new(&args.common);
    log::hide_panics_of_runtimes();
    match idle::check(&matches).and_then(|()| verb::run(&args.verb, &term)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::GateFailed) => EXIT_GATE_FAILED.into(),
        Err(error) => {
            term.error(&error);
            EXIT_ERROR.into()
        }
    }
}
