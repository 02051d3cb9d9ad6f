//! Ranges that a user has, as JSON or as a calibration cache. The content of the file decides.

use std::path::Path;

use qdq::emit::{Cache, Ranges};
use qdq::error::{Context, Error, ErrorKind, Result};

/// The content of a file of ranges.
pub enum RangeFile {
    Cache(Cache),
    Ranges(Ranges),
}

impl RangeFile {
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
        let origin = path.display().to_string();
        if Cache::is_one(&bytes) {
            Cache::parse(&bytes, &origin).map(Self::Cache)
        } else {
            Ranges::from_json(&bytes, &origin).map(Self::Ranges)
        }
    }

    /// Returns the ranges of either form. `path` is for messages.
    pub fn into_ranges(self, path: &Path) -> Result<Ranges> {
        match self {
            Self::Ranges(ranges) => Ok(ranges),
            Self::Cache(cache) => cache.to_ranges().context(ErrorKind::Data, || {
                format!("{}: no ranges can be taken from this cache", path.display())
            }),
        }
    }
}
