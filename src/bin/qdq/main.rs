//! The command-line tool: arguments as typed ([`args`]), made into what the library takes ([`resolve`]), and
//! one file per command ([`verb`]). What was typed in vain is refused first ([`idle`]).

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

/// How a command that ran ended.
enum Outcome {
    /// It did what it was asked to do.
    Done,
    /// It ran, and what it was asked to check does not hold.
    GateFailed,
}

/// A gate that failed, for scripts.
const EXIT_GATE_FAILED: u8 = 1;
/// The command could not run.
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
