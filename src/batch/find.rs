//! The search for the files of each input, from the paths that the user gives.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, counted, listed};
use crate::tensor::TensorSpec;

/// The format of a file, according to its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Npz,
    Npy,
    Raw,
    Image,
}

/// A file that feeds an input.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    pub path: PathBuf,
    pub format: Format,
    /// Whether the path named the input, so that the file need not name it again.
    pub named: bool,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "npz" => Self::Npz,
            "npy" => Self::Npy,
            "bin" | "raw" | "dat" => Self::Raw,
            "jpg" | "jpeg" | "jpe" | "jfif" | "png" | "bmp" | "dib" | "gif" | "webp" | "tif" | "tiff"
            | "ppm" | "pgm" | "pbm" | "pnm" => Self::Image,
            _ => return None,
        })
    }
}

/// The formats of images.
pub(super) const IMAGES: &str = "JPEG, PNG, BMP, GIF, WebP, TIFF, PNM";

const KNOWN: &str = ".npz, .npy, raw binary (.bin, .raw, .dat), images (.jpg, .jpeg, .jpe, .jfif, .png, .bmp, .dib, .gif, .webp, \
     .tif, .tiff, .ppm, .pgm, .pbm, .pnm)";

/// The number of names that a message lists.
const SHOWN: usize = 3;

/// The files of each input, and findings about left-out files.
pub(super) struct Found {
    /// In the inputs' order.
    pub sources: Vec<Vec<Source>>,
    pub findings: Vec<Finding>,
}

/// Finds the files of each input, in the inputs' order.
///
/// Paths keep their order; the files of a folder are sorted by name. If the model has several inputs, a file
/// in a folder that belongs to none of them, such as labels, is left out. If an input has no data, such a
/// file is an error.
pub(super) fn find(paths: &[PathBuf], inputs: &[TensorSpec]) -> Result<Found> {
    let mut sources = vec![Vec::new(); inputs.len()];
    let (mut strays, mut findings) = (Vec::new(), Vec::new());
    for path in paths {
        let (input, path) = split_name(path, inputs)?;
        let in_folder = path.is_dir();
        for file in expand(&path, &mut findings)? {
            let format = Format::of(&file).ok_or_else(|| unknown_format(&file))?;
            let source = Source { path: file, format, named: input.is_some() };
            match input.or_else(|| sole_input(&source, inputs)) {
                Some(index) => sources[index].push(source),
                None if format == Format::Npz => {
                    sources.iter_mut().for_each(|files| files.push(source.clone()));
                }
                None if in_folder => strays.push(source.path),
                None => return Err(belongs_to_no_input(&source.path, inputs)),
            }
        }
    }
    for (files, input) in sources.iter().zip(inputs) {
        if files.is_empty() {
            return Err(match strays.first() {
                Some(stray) => belongs_to_no_input(stray, inputs),
                None => Error::new(ErrorKind::Data, format!("no data for input '{}'", input.name))
                    .with_remedy(format!("add a path for it: {}=PATH", input.name)),
            });
        }
    }
    if !strays.is_empty() {
        let what = format!("named after none of the inputs {}", names(inputs));
        findings.push(left_out(
            &strays,
            "file",
            &what,
            "name them after an input, or give them as NAME=PATH",
        ));
    }
    Ok(Found { sources, findings })
}

/// Makes the finding about paths that are left out.
fn left_out(paths: &[PathBuf], what: &str, why: &str, remedy: &str) -> Finding {
    let names: Vec<_> = paths.iter().map(|path| path.display()).collect();
    let message = format!("left out {} {why}: {}", counted(paths.len(), what), listed(&names, SHOWN));
    Finding::warning(message).with_remedy(remedy)
}

/// Splits `NAME=PATH`. A path that exists is taken whole, even if it contains `=`.
fn split_name(path: &Path, inputs: &[TensorSpec]) -> Result<(Option<usize>, PathBuf)> {
    let whole = Ok((None, path.to_owned()));
    if path.exists() {
        return whole;
    }
    let Some(text) = path.to_str() else { return whole };
    for (index, input) in inputs.iter().enumerate() {
        if let Some(file) = text.strip_prefix(&input.name).and_then(|rest| rest.strip_prefix('=')) {
            return Ok((Some(index), PathBuf::from(file)));
        }
    }
    match text.split_once('=') {
        Some((name, file)) if Path::new(file).exists() => {
            Err(Error::new(ErrorKind::InvalidArgument, format!("{text}: the model has no input '{name}'"))
                .with_remedy(format!("its inputs are {}", names(inputs))))
        }
        _ => whole,
    }
}

/// Returns the input of a file without an input's name: the only input, or the one that the file is named
/// after.
fn sole_input(source: &Source, inputs: &[TensorSpec]) -> Option<usize> {
    if source.format == Format::Npz {
        return None;
    }
    if inputs.len() == 1 {
        return Some(0);
    }
    let stem = source.path.file_stem()?.to_str()?;
    inputs.iter().position(|input| input.name == stem)
}

/// Returns the path itself, or the folder's files of known formats. Other entries of the folder are reported,
/// unless they are hidden.
fn expand(path: &Path, findings: &mut Vec<Finding>) -> Result<Vec<PathBuf>> {
    let failed = |source| {
        Error::io("read", path, source).with_remedy("give a file or folder that exists and can be read")
    };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let (mut files, mut folders, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        match Format::of(&file) {
            _ if file.is_dir() => folders.push(file),
            Some(_) if file.is_file() => files.push(file),
            _ => others.push(file),
        }
    }
    [&mut files, &mut folders, &mut others].into_iter().for_each(|paths| paths.sort());
    if files.is_empty() {
        let message = format!("{}: the folder has no data files", path.display());
        let found = if let Some(folder) = folders.first() {
            format!(
                ", but folders, which are not looked into: give them by themselves, such as {}",
                folder.display()
            )
        } else if let Some(other) = others.first() {
            format!(" of a format that is read, but {}", other.display())
        } else {
            String::new()
        };
        return Err(Error::new(ErrorKind::Data, message + &found)
            .with_remedy(format!("put files of these formats right into it: {KNOWN}")));
    }
    if !others.is_empty() {
        let remedy = format!("convert samples among them to one of {KNOWN}");
        findings.push(left_out(&others, "file", "whose format is not read", &remedy));
    }
    if !folders.is_empty() {
        findings.push(left_out(
            &folders,
            "folder",
            "inside a folder",
            "give them by themselves if they hold samples",
        ));
    }
    Ok(files)
}

fn unknown_format(path: &Path) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{}: not a known data format", path.display()))
        .with_remedy(format!("give one of {KNOWN}, or a folder of them"))
}

fn belongs_to_no_input(path: &Path, inputs: &[TensorSpec]) -> Error {
    let message = format!("{}: for which of the inputs {}?", path.display(), names(inputs));
    Error::new(ErrorKind::Data, message)
        .with_remedy("write NAME=PATH, or name the file after the input, or use one .npz for all inputs")
}

fn names(inputs: &[TensorSpec]) -> String {
    let names: Vec<String> = inputs.iter().map(|input| format!("'{}'", input.name)).collect();
    names.join(", ")
}
