//! Options from a file (`--config`), and into one (`--save-config`).
//!
//! The arguments of the command line are the one definition: the keys of the file are their names. What the
//! file says becomes words of the command line, which clap then reads as it reads typed ones, so that both
//! mean the same and fail alike.

mod file;
mod keys;
mod loose;
mod paths;
mod save;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory};
use qdq::error::Error;

use crate::args::Args;
use file::Entry;
pub use save::save;

/// A command line that cannot be carried out.
pub enum Refusal {
    /// It is no valid command line, even with what the file says.
    Usage(clap::Error, Origins),
    /// The file cannot be used.
    File(Error),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        Self::Usage(error, Origins::default())
    }
}

/// The lines of the file that options come from.
#[derive(Default)]
pub struct Origins {
    file: PathBuf,
    lines: Vec<(String, usize)>,
}

impl Origins {
    /// Returns a line for each option of the file that `message` names.
    pub fn named_in(&self, message: &str) -> Vec<String> {
        let named = self.lines.iter().filter(|(key, _)| names(message, &format!("--{key}")));
        named.map(|(key, line)| format!("--{key} is set in {}, line {line}", self.file.display())).collect()
    }
}

/// Whether a text names an option, and not only a longer one that begins like it.
fn names(text: &str, option: &str) -> bool {
    text.match_indices(option).any(|(at, _)| {
        let next = text[at + option.len()..].chars().next();
        !next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '-')
    })
}

/// Reads the command line, and the file that it names.
pub fn read(words: &[OsString]) -> Result<(ArgMatches, Origins), Refusal> {
    let typed = || Args::command().try_get_matches_from(words);
    let is_config = |word: &OsString| word == "--config" || word.to_string_lossy().starts_with("--config=");
    if !words.iter().any(is_config) {
        return Ok((typed()?, Origins::default()));
    }
    let mut whole = Args::command();
    whole.build();
    // An error of the typed words alone is reported with the whole definition, as without a file.
    let Ok(found) = loose::command(&whole).try_get_matches_from(words) else {
        return Ok((typed()?, Origins::default()));
    };
    let (chain, command, given) = leaf(&whole, &found);
    let Some(path) = given.try_get_one::<PathBuf>("config").ok().flatten() else {
        return Ok((typed()?, Origins::default()));
    };
    let entries = file::read(path, command).map_err(Refusal::File)?;
    let entries: Vec<Entry> =
        entries.into_iter().filter(|entry| !is_overridden(command, given, entry)).collect();
    let origins = Origins {
        file: path.clone(),
        lines: entries.iter().map(|entry| (entry.key.clone(), entry.line)).collect(),
    };
    let joined = [chain.iter().map(OsString::from).collect(), joined(command, given, &entries)].concat();
    match Args::command().try_get_matches_from(std::iter::once("qdq".into()).chain(joined)) {
        Ok(matches) => Ok((matches, origins)),
        Err(error) => Err(Refusal::Usage(error, origins)),
    }
}

/// Goes down to the command that is called: the names on the way, its definition and its arguments.
pub fn leaf<'a>(whole: &'a Command, found: &'a ArgMatches) -> (Vec<&'a str>, &'a Command, &'a ArgMatches) {
    let (mut chain, mut command, mut given) = (Vec::new(), whole, found);
    while let Some((name, below)) = given.subcommand() {
        let Some(next) = command.find_subcommand(name) else { break };
        chain.push(next.get_name());
        (command, given) = (next, below);
    }
    (chain, command, given)
}

/// Whether the command line says the same argument, or one that excludes it.
fn is_overridden(command: &Command, given: &ArgMatches, entry: &Entry) -> bool {
    let Some(arg) = keys::find(command, &entry.key) else { return false };
    let excludes = |one: &clap::Arg, other: &clap::Arg| {
        command.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other.get_id())
    };
    let typed = command.get_arguments().filter(|typed| is_typed(given, typed.get_id().as_str()));
    typed
        .into_iter()
        .any(|typed| typed.get_id() == arg.get_id() || excludes(typed, arg) || excludes(arg, typed))
}

/// Returns the words for the typed arguments and those of the file, options first.
fn joined(command: &Command, given: &ArgMatches, entries: &[Entry]) -> Vec<OsString> {
    let (mut options, mut places) = (Vec::new(), Vec::new());
    for (key, arg) in keys::all(command) {
        let id = arg.get_id().as_str();
        let values = match entries.iter().find(|entry| entry.key == key) {
            Some(entry) => entry.values.clone(),
            None if is_typed(given, id) => typed_values(given, id),
            None => continue,
        };
        let list = if arg.is_positional() { &mut places } else { &mut options };
        list.extend(keys::words(arg, &key, &values));
    }
    for key in keys::TYPED_ONLY {
        let typed = given.try_get_one::<PathBuf>(&key.replace('-', "_")).ok().flatten();
        options.extend(typed.into_iter().flat_map(|path| [format!("--{key}").into(), path.clone().into()]));
    }
    options.push("--".into());
    options.extend(places);
    options
}

fn typed_values(given: &ArgMatches, id: &str) -> Vec<OsString> {
    given.get_raw(id).into_iter().flatten().map(OsString::from).collect()
}

fn is_typed(given: &ArgMatches, id: &str) -> bool {
    given.try_contains_id(id).is_ok() && given.value_source(id) == Some(ValueSource::CommandLine)
}

/// Returns all files that a command line names: of its arguments, and of the models among them.
pub fn paths(command: &Command, given: &ArgMatches) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for (_, arg) in keys::all(command).into_iter().filter(|(_, arg)| keys::is_path(arg)) {
        for value in typed_values(given, arg.get_id().as_str()) {
            let path = Path::new(&value);
            if arg.is_positional() {
                all.extend(crate::outputs::of_model(path));
            }
            all.extend(paths::readings(arg, path));
        }
    }
    all.extend(given.try_get_one::<PathBuf>("config").ok().flatten().cloned());
    all
}

#[cfg(test)]
mod tests;
