//! The frame of an engine file: who built it, and the text plan in it.

use std::borrow::Cow;
use std::fmt;

use super::damaged;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{check_is_no_pointer, check_is_not_empty};

/// The versions of TensorRT-RTX whose plans are known, for messages.
pub const KNOWN: &str = "1.4 to 1.7";

/// The first bytes of an engine. Both start the files of TensorRT; RTX has the second.
const MAGICS: [&[u8]; 2] = [b"ftrt", b"vtrt"];

/// The position of the four bytes major, minor, patch and build of the builder's version.
const VERSION: usize = 24;

/// The mark of a plan. A number of four bytes, which differs between versions, and the length of the text in
/// eight bytes follow.
const PLAN: &[u8] = b"NLYM";

/// The begin of a plan's text.
const TEXT: &[u8] = b"header {";

/// The longest plan that is read. The plan of a detector with 160 kernels has 172 KB.
const MOST_BYTES: usize = 256 << 20;

/// The builder of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version([u8; 3]);

impl Version {
    /// Whether the plans of this version are known.
    pub fn is_known(self) -> bool {
        matches!(self.0, [1, 4..=7, _])
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        // TensorRT-RTX counts its versions from 1.
        let product = if major < 7 { "TensorRT-RTX" } else { "TensorRT" };
        write!(f, "{product} {major}.{minor}.{patch}")
    }
}

/// Returns the version of the builder of an engine.
///
/// # Errors
/// `Format` if the bytes are no engine.
pub fn version(engine: &[u8]) -> Result<Version> {
    check_is_no_pointer("the engine", engine)?;
    check_is_not_empty("the engine", engine)?;
    let numbers = engine.get(VERSION..VERSION + 3).and_then(|bytes| <[u8; 3]>::try_from(bytes).ok());
    numbers.filter(|_| MAGICS.iter().any(|magic| engine.starts_with(magic))).map(Version).ok_or_else(|| {
        Error::new(ErrorKind::Format, "is no engine of TensorRT")
            .with_remedy("give a file that 'qdq engine', trtexec or IBuilder::buildSerializedNetwork() wrote")
    })
}

/// Returns the text of the first plan of an engine. The others are parts of its kernels.
pub fn plan(engine: &[u8]) -> Result<Cow<'_, str>> {
    let plans = engine.windows(PLAN.len()).enumerate().filter(|(_, bytes)| *bytes == PLAN);
    let mut framed = plans.filter_map(|(at, _)| {
        let (length, text) = engine.get(at + PLAN.len() + 4..)?.split_first_chunk::<8>()?;
        text.starts_with(TEXT).then_some((u64::from_le_bytes(*length), text))
    });
    let (length, rest) = framed.next().ok_or_else(|| damaged("it is missing"))?;
    let text = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let text = text.ok_or_else(|| damaged("it is longer than the file"))?;
    if text.len() > MOST_BYTES {
        return Err(damaged("it is longer than a plan can be"));
    }
    Ok(String::from_utf8_lossy(text))
}
