//! Writing of the file.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, CommandFactory};
use qdq::error::{Error, ErrorKind, Result};
use toml_edit::Value;

use super::{is_typed, keys, leaf, paths, typed_values};
use crate::args::Args;
use crate::outputs;

/// Writes what the command line says, if it names a file for that, and returns the path of the file.
///
/// # Errors
/// `InvalidArgument` if the file is another one of the command's, or if a value is not UTF-8; `Io` if it
/// cannot be written.
pub fn save(found: &ArgMatches) -> Result<Option<PathBuf>> {
    let mut whole = Args::command();
    whole.build();
    let (chain, command, given) = leaf(&whole, found);
    let Some(path) = given.try_get_one::<PathBuf>("save_config").ok().flatten() else { return Ok(None) };
    outputs::check([path.as_path()], [])?;
    outputs::check_apart(path, &super::paths(command, given))?;
    let text = text(path, (&chain, command), given)?;
    qdq::file::write_atomic(path, |out| {
        out.write_all(text.as_bytes()).map_err(|source| Error::io("write", path, source))
    })?;
    Ok(Some(path.clone()))
}

/// Returns what the command line says as TOML, for a file of this path.
pub fn text(path: &Path, (chain, command): (&[&str], &Command), given: &ArgMatches) -> Result<String> {
    let base = from_folder_of(path)?;
    let mut text = format!(
        "# Options of qdq {}, for 'qdq {} --config FILE'. Relative paths count from this file's folder.\n",
        env!("CARGO_PKG_VERSION"),
        chain.join(" ")
    );
    let mut heading = None;
    for (key, arg) in keys::all(command).into_iter().filter(|(_, arg)| is_typed(given, arg.get_id().as_str()))
    {
        if heading != Some(arg.get_help_heading()) {
            heading = Some(arg.get_help_heading());
            let title = arg.get_help_heading().map_or_else(String::new, |title| format!("# {title}\n"));
            let _ = write!(text, "\n{title}");
        }
        if keys::is_flag(arg) {
            let _ = writeln!(text, "{key} = true");
            continue;
        }
        let one = |value: &OsStr| {
            let moved = match keys::is_path(arg) && !value.is_empty() {
                true => paths::moved(arg, Path::new(value), &base, Path::new("")),
                false => value.to_owned(),
            };
            written(moved.to_str().ok_or_else(|| no_text(&key, value))?, !keys::is_text(arg))
        };
        let values = typed_values(given, arg.get_id().as_str());
        let values = values.iter().map(|value| one(value)).collect::<Result<Vec<String>>>()?;
        let _ = match keys::is_list(arg) {
            true => writeln!(text, "{key} = [{}]", values.join(", ")),
            false => writeln!(text, "{key} = {}", values.concat()),
        };
    }
    Ok(text)
}

/// Returns the value as TOML. A number stays as it was typed.
fn written(value: &str, may_be_number: bool) -> Result<String> {
    let is_number = matches!(value.parse(), Ok(Value::Integer(_) | Value::Float(_)));
    Ok(if may_be_number && is_number { value.to_owned() } else { Value::from(value).to_string() })
}

fn no_text(key: &str, value: &OsStr) -> Error {
    let message =
        format!("--save-config: the value of '{key}', {}, is not UTF-8, as TOML is", value.display());
    Error::new(ErrorKind::InvalidArgument, message).with_remedy("rename the file, or leave --save-config out")
}

/// Returns the way from the folder of `path` to the working folder; empty if they are the same.
fn from_folder_of(path: &Path) -> Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Some(folder) = folder else { return Ok(PathBuf::new()) };
    let folder = folder.canonicalize().map_err(|source| Error::io("find", folder, source))?;
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let here = here.map_err(|source| Error::io("find", Path::new("the working folder"), source))?;
    Ok(paths::way(&folder, &here))
}
