//! Reports: a page for people or a JSON file for programs, chosen by the ending of the file's name.

mod digest;
mod draw;
mod page;

use std::path::{Path, PathBuf};

use qdq::error::{Error, ErrorKind, Result};
use qdq::file::write_atomic;
use qdq::report::document::{Document, FileEntry, Run};

use crate::args::DataArgs;
use crate::term::typed;
use crate::{outputs, resolve};

pub use digest::entry;

/// A report to be written.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    path: &'a Path,
    is_page: bool,
}

impl<'a> Report<'a> {
    /// Checks the name of the file, if there is to be one.
    ///
    /// # Errors
    /// `InvalidArgument` if the name ends in neither .html nor .json.
    pub fn to(path: Option<&'a PathBuf>) -> Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        let is_page = match path.extension().and_then(|ending| ending.to_str()) {
            Some("html") => true,
            Some("json") => false,
            _ => {
                let message = format!(
                    "--report: {} is neither a page (.html) nor data (.json) by its name",
                    path.display()
                );
                return Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_remedy("name it report.html, or report.json"));
            }
        };
        Ok(Some(Self { path, is_page }))
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// Writes the report. Remedies get the options of the tool.
    ///
    /// # Errors
    /// `Io` if the file cannot be written.
    pub fn write(&self, mut document: Document) -> Result<()> {
        document.advice.iter_mut().for_each(|advice| advice.remedy = typed(&advice.remedy));
        document.findings.iter_mut().for_each(|finding| finding.remedy = typed(&finding.remedy));
        let text = match self.is_page {
            true => page::render(&document)?,
            false => {
                let json = serde_json::to_string_pretty(&document).map_err(|error| {
                    Error::new(ErrorKind::Internal, format!("the report cannot be written as JSON: {error}"))
                })?;
                json + "\n"
            }
        };
        write_atomic(self.path, |out| {
            out.write_all(text.as_bytes()).map_err(|error| Error::io("write", self.path, error))
        })
    }
}

/// Returns the command of this process, for a report.
pub fn run(settings: &[(&str, String)], files: Vec<FileEntry>) -> Run {
    Run {
        command: std::env::args_os()
            .map(|word| quoted(&word.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" "),
        qdq: env!("CARGO_PKG_VERSION").to_owned(),
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        files,
        ..Run::default()
    }
}

/// Describes the file of a model and those of its weights.
///
/// # Errors
/// `Io` if one cannot be read.
pub fn model_entries(role: &str, path: &Path) -> Result<Vec<FileEntry>> {
    let files = outputs::of_model(path);
    let role = |at: usize| if at == 0 { role.to_owned() } else { format!("weights of the {role}") };
    files.iter().enumerate().map(|(at, file)| entry(&role(at), file)).collect()
}

/// Describes the files and folders of the data.
///
/// # Errors
/// `Io` if one cannot be read.
pub fn data_entries(args: &DataArgs) -> Result<Vec<FileEntry>> {
    let mut paths = resolve::data_paths(args);
    // The text before a `=` may be the name of an input or belong to the path.
    paths.retain(|path| path.exists());
    paths.dedup();
    paths.iter().map(|path| entry("data", path)).collect()
}

/// Quotes a word for a shell if it needs that.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=,:+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_decides_the_form() {
        let to = |name: &str| Report::to(Some(&PathBuf::from(name))).map(|report| report.unwrap().is_page);
        assert_eq!((to("a/r.html").unwrap(), to("r.json").unwrap()), (true, false));
        for name in ["r", "r.htm", "r.pdf", "html", ".html", "r.html/x"] {
            let error = to(name).unwrap_err();
            assert!(error.message().contains(name) && error.remedy().is_some(), "{error}");
        }
        assert!(Report::to(None).unwrap().is_none());
    }

    #[test]
    fn a_command_can_be_copied_to_a_shell() {
        assert_eq!(["a=b.npz", "*/fc", "it's", ""].map(quoted), ["a=b.npz", "'*/fc'", "'it'\\''s'", "''"]);
    }
}
