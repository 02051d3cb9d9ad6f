//! The command-line tool.
//!
//! [`args`] defines the arguments, [`config`] reads them from a file and writes them to one, [`idle`] refuses
//! those without an effect, [`resolve`] converts them to the library's types, [`report`] writes reports, and
//! [`verb`] has one file for each command.

mod args;
mod config;
mod idle;
mod log;
mod outputs;
mod report;
mod resolve;
#[cfg(test)]
mod share;
mod term;
mod verb;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use qdq::error::Result;

use args::Args;
use config::{Origins, Refusal};
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
    let words: Vec<_> = std::env::args_os().collect();
    let (matches, origins) = match config::read(&words) {
        Ok(read) => read,
        Err(Refusal::Usage(error, origins)) => return term::usage(&error, &origins),
        Err(Refusal::File(error)) => {
            term::error(&error, &Origins::default());
            return EXIT_ERROR.into();
        }
    };
    let args = match Args::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(error) => return term::usage(&error.format(&mut Args::command()), &origins),
    };
    let mut term = Term::new(&args.common);
    log::hide_panics_of_runtimes();
    match run(&matches, &args, &mut term) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::GateFailed) => EXIT_GATE_FAILED.into(),
        Err(error) => {
            term::error(&error, &origins);
            EXIT_ERROR.into()
        }
    }
}

fn run(matches: &ArgMatches, args: &Args, term: &mut Term) -> Result<Outcome> {
    idle::check(matches)?;
    term.saved = config::save(matches)?;
    verb::run(&args.verb, term)
}
