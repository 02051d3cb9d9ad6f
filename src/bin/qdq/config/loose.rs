//! A definition of the command line that demands nothing.
//!
//! It reads words that are only a part of what a command needs, because a file has the rest.

use clap::{Arg, Command};

use super::keys;

/// Returns the command, its subcommands and their arguments, of which none needs or excludes another.
///
/// A request for help is an error of this command, and left to the strict one.
pub fn command(strict: &Command) -> Command {
    let subcommands: Vec<Command> = strict.get_subcommands().map(command).collect();
    Command::new(strict.get_name().to_owned())
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .subcommand_required(!subcommands.is_empty())
        .args(strict.get_arguments().filter(|arg| keys::takes_part(arg)).map(argument))
        .subcommands(subcommands)
}

fn argument(strict: &Arg) -> Arg {
    let mut loose = Arg::new(strict.get_id().clone())
        .action(strict.get_action().clone())
        .global(strict.is_global_set())
        .allow_negative_numbers(strict.is_allow_negative_numbers_set())
        .allow_hyphen_values(strict.is_allow_hyphen_values_set())
        .value_parser(strict.get_value_parser().clone());
    if let Some(names) = strict.get_value_names().filter(|_| strict.get_action().takes_values()) {
        loose = loose.value_names(names.to_vec());
    }
    if let Some(range) = strict.get_num_args().filter(|_| strict.get_action().takes_values()) {
        loose = loose.num_args(range);
    }
    if let Some(delimiter) = strict.get_value_delimiter() {
        loose = loose.value_delimiter(delimiter);
    }
    if let Some(long) = strict.get_long() {
        loose = loose.long(long.to_owned());
    }
    match strict.is_positional() {
        true => loose.index(strict.get_index()),
        false => loose.short(strict.get_short()),
    }
}
