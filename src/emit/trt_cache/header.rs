//! The first line of a calibration cache: its version of TensorRT and its calibrator.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// A TensorRT version, as the number that TensorRT itself reports.
///
/// Before 10.0 it is major * 1000 + minor * 100 + patch (8.5.1 is 8501). From 10.0 on it is major * 10000 +
/// minor * 100 + patch (10.3.0 is 100300).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u32);

impl Version {
    /// The version in the long-lived release of Jetson's JetPack 6.
    pub const DEFAULT: Self = Self(100_300);

    /// Returns the number that TensorRT reports.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Returns major, minor and patch.
    pub fn parts(self) -> (u32, u32, u32) {
        let major_unit = if self.0 < 10_000 { 1000 } else { 10_000 };
        (self.0 / major_unit, self.0 % major_unit / 100, self.0 % 100)
    }

    /// Whether this version has calibrators and so reads caches. TensorRT 11 removed them.
    pub fn reads_caches(self) -> bool {
        self.parts().0 < 11
    }

    /// Refuses a version that reads no caches.
    ///
    /// # Errors
    /// `Unsupported` from TensorRT 11 on.
    pub fn check_reads_caches(self) -> Result<()> {
        if self.reads_caches() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unsupported, format!("TensorRT {self} reads no calibration caches"))
            .with_remedy("give it a Q/DQ model made from the same ranges"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.parts();
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl FromStr for Version {
    type Err = Error;

    /// Reads `8.5.1`, `8.6.1.6` (the build is dropped), `10.3`, or the number itself (`8501` or `100300`).
    fn from_str(text: &str) -> Result<Self> {
        let number = if text.contains('.') { from_parts(text) } else { from_number(text) };
        number.map(Self).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, format!("'{text}' is not a TensorRT version"))
                .with_remedy("write it as 8.5.1 or 10.3.0, or as TensorRT's own number, 8501 or 100300")
        })
    }
}

fn digits<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn from_parts(text: &str) -> Option<u32> {
    let parts: Vec<u32> = text.split('.').map(digits).collect::<Option<_>>()?;
    let [major, minor, ref rest @ ..] = parts[..] else { return None };
    let patch = rest.first().copied().unwrap_or(0);
    match major {
        1..=9 if minor < 10 && patch < 100 => Some(major * 1000 + minor * 100 + patch),
        10..=99 if minor < 100 && patch < 100 => Some(major * 10_000 + minor * 100 + patch),
        _ => None,
    }
    .filter(|_| rest.len() <= 2)
}

fn from_number(text: &str) -> Option<u32> {
    digits(text).filter(|number| matches!(number, 1000..=9999 | 100_000..=999_999))
}

/// The calibrator of a cache, as the header names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// `IInt8EntropyCalibrator2`, which `trtexec` has.
    ///
    /// Nearly every program expects it, whatever method computed the ranges.
    #[default]
    EntropyCalibration2,
    /// `IInt8MinMaxCalibrator`.
    MinMaxCalibration,
    /// `IInt8EntropyCalibrator`.
    ///
    /// Its caches name the tensors that are left after fusion, so they fit one device only.
    EntropyCalibration,
    /// `IInt8LegacyCalibrator`.
    ///
    /// No cache with this text is public. The library of TensorRT 8.5.1 has it beside the others.
    LegacyCalibration,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [
        Self::EntropyCalibration2,
        Self::MinMaxCalibration,
        Self::EntropyCalibration,
        Self::LegacyCalibration,
    ];

    /// Returns the text in the header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EntropyCalibration2 => "EntropyCalibration2",
            Self::MinMaxCalibration => "MinMaxCalibration",
            Self::EntropyCalibration => "EntropyCalibration",
            Self::LegacyCalibration => "LegacyCalibration",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::new(ErrorKind::InvalidArgument, format!("'{text}' is not a calibration algorithm"))
                .with_remedy(format!("choose one of {names}"))
        })
    }
}

/// The header as it is in the file, `TRT-<version>-<algorithm>`.
///
/// Some tools write versions that do not exist (`8XXX`), so both parts are kept as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The text between the first and the second hyphen.
    pub version: String,
    /// The text after the second hyphen.
    pub algorithm: String,
}

impl Header {
    /// Creates the header of a version and an algorithm.
    pub fn new(version: Version, algorithm: Algorithm) -> Self {
        Self { version: version.number().to_string(), algorithm: algorithm.name().to_owned() }
    }

    /// Refuses a header whose version reads no caches. A header without a valid version passes.
    ///
    /// # Errors
    /// Those of [`Version::check_reads_caches`].
    pub fn check_reads_caches(&self) -> Result<()> {
        self.version.parse().map_or(Ok(()), Version::check_reads_caches)
    }

    /// Reads the header from `line`; `None` if it is no header.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (version, algorithm) = line.strip_prefix("TRT-")?.split_once('-')?;
        let filled = !version.is_empty() && !algorithm.is_empty();
        filled.then(|| Self { version: version.to_owned(), algorithm: algorithm.to_owned() })
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TRT-{}-{}", self.version, self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_either_form() {
        for (text, number, shown) in [
            ("7.0.0", 7000, "7.0.0"),
            ("7.1.3", 7103, "7.1.3"),
            ("8.5.1", 8501, "8.5.1"),
            ("8.6.2", 8602, "8.6.2"),
            ("8.6.1.6", 8601, "8.6.1"),
            ("9.3", 9300, "9.3.0"),
            ("10.3.0", 100_300, "10.3.0"),
            ("10.14.1", 101_401, "10.14.1"),
            ("8501", 8501, "8.5.1"),
            ("101401", 101_401, "10.14.1"),
        ] {
            let version: Version = text.parse().unwrap();
            assert_eq!((version.number(), version.to_string().as_str()), (number, shown), "{text}");
        }
        assert!("10.16.1".parse::<Version>().unwrap().reads_caches());
        assert!(!"11.0.0".parse::<Version>().unwrap().reads_caches());
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "8",
            "8.",
            ".5",
            "+8.5",
            "8.5.x",
            "8.10.0",
            "0.1.0",
            "850",
            "85010",
            "8.5.1.2.3",
            "99999999999",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn headers_keep_their_text() {
        for line in ["TRT-8501-EntropyCalibration2", "TRT-8XXX-EntropyCalibration2", "TRT-7000-A-B"] {
            assert_eq!(Header::parse(line).unwrap().to_string(), line);
        }
        for line in ["", "TRT", "TRT-", "TRT-8501", "TRT--EntropyCalibration2", "trt-8501-X", "TRT-8501-"] {
            assert_eq!(Header::parse(line), None, "{line}");
        }
    }

    #[test]
    fn algorithms_by_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse::<Algorithm>().unwrap(), algorithm);
        }
        assert!("entropy".parse::<Algorithm>().is_err());
    }
}
