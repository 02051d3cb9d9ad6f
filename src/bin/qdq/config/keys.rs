//! The keys of the file: the names of a command's arguments.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command, ValueHint};

/// The options that only a command line has.
pub const TYPED_ONLY: [&str; 2] = ["config", "save-config"];

/// Lists the arguments of a command that a file may have, with their keys: long names of options, and the
/// names of arguments that stand by their place.
pub fn all(command: &Command) -> Vec<(String, &Arg)> {
    let keys = command.get_arguments().filter(|arg| takes_part(arg)).map(|arg| (key(arg), arg));
    keys.filter(|(key, _)| !TYPED_ONLY.contains(&key.as_str())).collect()
}

/// Returns the argument of a key.
pub fn find<'c>(command: &'c Command, key: &str) -> Option<&'c Arg> {
    all(command).into_iter().find_map(|(known, arg)| (known == key).then_some(arg))
}

fn key(arg: &Arg) -> String {
    arg.get_long().map_or_else(|| arg.get_id().as_str().replace('_', "-"), str::to_owned)
}

/// Whether the argument is part of a run, unlike a request for help.
pub fn takes_part(arg: &Arg) -> bool {
    is_flag(arg) || matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// Whether the argument has no value.
pub fn is_flag(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// Whether the argument may have several values.
pub fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append) || arg.get_value_delimiter().is_some()
}

/// Whether the values are paths.
pub fn is_path(arg: &Arg) -> bool {
    arg.get_value_hint() == ValueHint::AnyPath
}

/// Whether any text is a value.
pub fn is_text(arg: &Arg) -> bool {
    let of = arg.get_value_parser().type_id();
    [ValueParser::string(), ValueParser::path_buf()].iter().any(|parser| parser.type_id() == of)
}

/// Returns the words of a command line that give the argument these values.
pub fn words(arg: &Arg, key: &str, values: &[OsString]) -> Vec<OsString> {
    let option = |value: OsString| {
        let mut word = OsString::from(format!("--{key}="));
        word.push(value);
        word
    };
    if is_flag(arg) {
        return vec![format!("--{key}").into()];
    }
    match arg.get_value_delimiter() {
        _ if arg.is_positional() => values.to_vec(),
        Some(delimiter) => vec![option(values.join(std::ffi::OsStr::new(&delimiter.to_string())))],
        None => values.iter().cloned().map(option).collect(),
    }
}
