//! TensorRT's calibration cache, the file that `IInt8Calibrator::readCalibrationCache` returns.
//!
//! ```text
//! TRT-8501-EntropyCalibration2
//! data: 3c008912
//! (Unnamed Layer* 64) [Shuffle]_output: 0
//! ```
//!
//! The first line names the version of TensorRT and the calibrator ([`Header`]). Every other line has the
//! name of an activation, `": "`, and the bits of its scale as a hexadecimal number without leading zeros.
//! The scale is an `f32`, amax / 127. A name may hold anything but a line break, even `": "`: the last `": "`
//! separates.
//!
//! TensorRT checks the header and nothing else. [`Cache::check`] reports everything that would cause trouble
//! in TensorRT.
//!
//! A file may begin with UTF-8's byte order mark, which some editors write. qdq reads such a file, and
//! [`Cache::check`] reports that TensorRT does not accept it.

mod check;
mod header;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::emit::ranges::{Ranges, amax_of};
use crate::emit::text::{refuse_empty, refuse_utf16, without_mark};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::file::write_atomic;
use crate::finding::{self, Finding};

pub use check::Expected;
pub use header::{Algorithm, Header, Version};

/// A calibration cache, line by line. Reading and writing it changes only the line ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// The version and the calibrator of the cache.
    pub header: Header,
    /// Name and scale of every line, in order. If a name is repeated, its last line counts.
    pub entries: Vec<(String, f32)>,
    /// Whether the text began with a byte order mark, behind which TensorRT finds no header.
    ///
    /// The mark is not written.
    pub is_marked: bool,
}

impl Cache {
    /// Creates the cache of `ranges`, with the scales of [`Ranges::scale`].
    pub fn from_ranges(ranges: &Ranges, header: Header) -> Self {
        let entries =
            ranges.iter().map(|(name, amax)| (name.to_owned(), super::ranges::int8_scale(amax))).collect();
        Self { header, entries, is_marked: false }
    }

    /// Returns the ranges in this cache, computed by [`amax_of`].
    ///
    /// A line whose scale is negative, infinite, NaN or subnormal gives no range. The findings about the
    /// scales are in [`Ranges::findings`] and in the log.
    ///
    /// # Errors
    /// `Data` if there are lines and none gives a range.
    pub fn to_ranges(&self) -> Result<Ranges> {
        let last: BTreeMap<&str, f32> =
            self.entries.iter().map(|(name, scale)| (name.as_str(), *scale)).collect();
        let mut ranges = Ranges::default();
        for (name, _) in &self.entries {
            let is_usable = |scale: &&f32| **scale == 0.0 || scale.is_normal() && **scale > 0.0;
            if let Some(&scale) = last.get(name.as_str()).filter(is_usable) {
                ranges.set(name.as_str(), amax_of(scale))?;
            }
        }
        if let (true, Some((name, scale))) = (ranges.is_empty(), self.entries.first()) {
            let message = format!("no scale of the cache is usable: that of tensor '{name}' is {scale}");
            return Err(Error::new(ErrorKind::Data, message)
                .with_remedy("calibrate again, with data that has no infinite or NaN values"));
        }
        ranges.findings = self.findings_of_scales();
        finding::log_all(&ranges.findings);
        Ok(ranges)
    }

    /// Prepares the cache for writing: sets its header and keeps one line for every name.
    ///
    /// Returns the findings about the remaining problems, which are also logged.
    ///
    /// # Errors
    /// `Unsupported` if the header is for a TensorRT version that reads no caches.
    pub fn convert(&mut self, header: Header) -> Result<Vec<Finding>> {
        header.check_reads_caches()?;
        self.header = header;
        self.remove_repeats();
        self.is_marked = false;
        let findings = self.check(&Expected::default());
        finding::log_all(&findings);
        Ok(findings)
    }

    /// Returns the scale of tensor `name`: the last one, if the name is repeated.
    pub fn get(&self, name: &str) -> Option<f32> {
        self.entries.iter().rev().find(|(found, _)| found == name).map(|(_, scale)| *scale)
    }

    /// Sets the scale of tensor `name` in its last line, or in a new line at the end.
    pub fn set(&mut self, name: &str, scale: f32) {
        match self.entries.iter_mut().rev().find(|(found, _)| found == name) {
            Some((_, old)) => *old = scale,
            None => self.entries.push((name.to_owned(), scale)),
        }
    }

    /// Keeps one line for every name, at the position of its first line and with the scale of its last.
    pub fn remove_repeats(&mut self) {
        let scales: BTreeMap<String, f32> = self.entries.iter().cloned().collect();
        let mut seen = BTreeSet::new();
        self.entries.retain(|(name, _)| seen.insert(name.clone()));
        for (name, scale) in &mut self.entries {
            *scale = scales.get(name).copied().unwrap_or(*scale);
        }
    }

    /// Whether a file that starts with `bytes` is meant as a calibration cache.
    ///
    /// This is so if it has the header, or if its first line is that of a tensor, so that only the header is
    /// missing.
    pub fn is_one(bytes: &[u8]) -> bool {
        let text = without_mark(bytes).0;
        let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let is_entry = || std::str::from_utf8(first).is_ok_and(|line| parse_entry(line.trim_end()).is_ok());
        text.starts_with(b"TRT-") || (!text.starts_with(b"{") && is_entry())
    }

    /// Reads the text of a cache. Messages name `origin`.
    ///
    /// Line ends may be `\n` or `\r\n`. The last one may be missing. Empty lines are ignored.
    ///
    /// # Errors
    /// `Format`, with the number of the line, if the text is not UTF-8, if the first line is no header, or if
    /// another line is not a name, `": "` and one to eight hexadecimal digits.
    pub fn parse(text: &[u8], origin: &str) -> Result<Self> {
        refuse_utf16(text, origin)?;
        refuse_empty(text, origin)?;
        let (text, is_marked) = without_mark(text);
        let mut lines = text.split(|&byte| byte == b'\n').enumerate();
        let mut line = |(index, bytes): (usize, &[u8])| -> Result<(usize, String)> {
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            let text = std::str::from_utf8(bytes)
                .context(ErrorKind::Format, || format!("{origin}:{}: not UTF-8 text", index + 1))
                .map_err(|error| error.with_remedy(DAMAGED))?;
            Ok((index + 1, text.to_owned()))
        };
        let (_, first) = lines.next().map(&mut line).transpose()?.unwrap_or_default();
        let header = Header::parse(&first).ok_or_else(|| no_header(&first, origin))?;
        let mut entries = Vec::new();
        for next in lines {
            let (number, text) = line(next)?;
            if !text.is_empty() {
                let entry = parse_entry(&text).map_err(|problem| {
                    let message = format!("{origin}:{number}: {problem}: {}", shown(&text));
                    Error::new(ErrorKind::Format, message).with_remedy(DAMAGED)
                })?;
                entries.push(entry);
            }
        }
        Ok(Self { header, entries, is_marked })
    }

    /// Returns the text of the cache.
    ///
    /// # Errors
    /// `InvalidArgument` if a name is empty, or if a name or the header holds a line break; `Unsupported` if
    /// the header is for a TensorRT version that reads no caches.
    pub fn to_text(&self) -> Result<String> {
        self.header.check_reads_caches()?;
        let mut text = format!("{}\n", self.header);
        if text.matches(['\n', '\r']).count() != 1 {
            return Err(Error::new(ErrorKind::InvalidArgument, "the cache's header holds a line break"));
        }
        for (name, scale) in &self.entries {
            if name.is_empty() || name.contains(['\n', '\r']) {
                let message = format!("tensor {name:?}: a calibration cache cannot hold this name");
                return Err(
                    Error::new(ErrorKind::InvalidArgument, message).with_remedy("rename it in the model")
                );
            }
            let _ = writeln!(text, "{name}: {:x}", scale.to_bits());
        }
        Ok(text)
    }

    /// Reads a cache file.
    ///
    /// # Errors
    /// `Io` if the file cannot be read; those of [`Cache::parse`].
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Writes a cache file as a whole. If that fails, the old file stays.
    ///
    /// # Errors
    /// `Io` if the file cannot be written; those of [`Cache::to_text`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = self.to_text()?;
        write_atomic(path, |out| {
            out.write_all(text.as_bytes()).map_err(|error| Error::io("write", path, error))
        })
    }
}

const DAMAGED: &str = "the file is damaged: take it from its source again, or calibrate again";

fn no_header(first: &str, origin: &str) -> Error {
    let (what, remedy) = match parse_entry(first) {
        Ok(_) => (
            "the header of the calibration cache is missing before",
            "write a line like TRT-8501-EntropyCalibration2 before it: the version of TensorRT and the calibrator",
        ),
        Err(_) => (
            "not the header of a TensorRT calibration cache:",
            "the first line has to look like TRT-8501-EntropyCalibration2",
        ),
    };
    Error::new(ErrorKind::Format, format!("{origin}:1: {what} {}", shown(first))).with_remedy(remedy)
}

/// Quotes a line for a message and cuts it short.
fn shown(line: &str) -> String {
    const LONGEST: usize = 60;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &line[..end]),
        None => format!("{line:?}"),
    }
}

fn parse_entry(line: &str) -> Result<(String, f32), &'static str> {
    let (name, digits) = line.rsplit_once(": ").ok_or("no ': ' between name and scale")?;
    if name.is_empty() {
        return Err("no name before ': '");
    }
    let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hexadecimal || !(1..=8).contains(&digits.len()) {
        return Err("the scale is not 1 to 8 hexadecimal digits");
    }
    let bits = u32::from_str_radix(digits, 16).map_err(|_| "the scale is not a number")?;
    Ok((name.to_owned(), f32::from_bits(bits)))
}

#[cfg(test)]
mod tests;
