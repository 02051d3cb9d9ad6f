//! The command-line tool: arguments as typed ([`args`]), made into what the library takes ([`resolve`]), and one
//! file per command ([`verb`]).

mod args;
mod log;
mod outputs;
mod resolve;
#[cfg(test)]
mod share;
mod term;
mod verb;

use std::process::ExitCode;

use clap::Parser;

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
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return term::usage(&error),
    };
    let term = Term::new(&args.common);
    log::hide_panics_of_engines();
    match verb::run(&args.verb, &term) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::GateFailed) => EXIT_GATE_FAILED.into(),
        Err(error) => {
            term.error(&error);
            EXIT_ERROR.into()
        }
    }
}
