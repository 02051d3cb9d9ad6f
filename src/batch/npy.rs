//! The header of NumPy's `.npy` format, which also precedes every array in an `.npz` file.

use std::io::Read;

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::element_count;

/// The header's description of the elements after it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub dtype: DataType,
    /// Whether elements are stored with the most significant byte first.
    pub big_endian: bool,
    /// Whether the first axis varies fastest instead of the last.
    pub fortran_order: bool,
    pub shape: Vec<usize>,
    /// Bytes from the start of the file to the first element.
    pub length: u64,
}

const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header. It has three entries, of which only the shape grows. Anything longer is no header.
const LONGEST: u64 = 64 * 1024;

impl Header {
    /// Reads the header and leaves `reader` at the first element. `label` names the array in messages.
    pub fn read(reader: &mut dyn Read, label: &str) -> Result<Self> {
        let truncated = |source: std::io::Error| {
            let message = format!("{label}: is empty or cut off inside the .npy header");
            Error::new(ErrorKind::Format, message).with_source(source).with_remedy("write the file again")
        };
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(truncated)?;
        let Some([major, _]) = start.strip_prefix(MAGIC) else {
            return Err(Error::new(ErrorKind::Format, format!("{label}: is not a .npy array"))
                .with_remedy("write the file with numpy.save or numpy.savez"));
        };
        let (size_length, size) = match major {
            1 => {
                let mut size = [0; 2];
                reader.read_exact(&mut size).map_err(truncated)?;
                (2, u64::from(u16::from_le_bytes(size)))
            }
            2 | 3 => {
                let mut size = [0; 4];
                reader.read_exact(&mut size).map_err(truncated)?;
                (4, u64::from(u32::from_le_bytes(size)))
            }
            _ => {
                let message = format!("{label}: .npy version {major} is not known");
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .with_remedy("write the file with numpy.save, which uses version 1"));
            }
        };
        if size > LONGEST {
            return Err(Error::new(ErrorKind::Format, format!("{label}: .npy header of {size} bytes")));
        }
        let mut text = Vec::new();
        let read = reader.take(size).read_to_end(&mut text).map_err(truncated)?;
        if read as u64 != size {
            return Err(truncated(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let length = start.len() as u64 + size_length + size;
        Self::parse(&String::from_utf8_lossy(&text), length, label)
    }

    fn parse(text: &str, length: u64, label: &str) -> Result<Self> {
        let entries = Literal(text).entries().ok_or_else(|| {
            let message = format!("{label}: .npy header cannot be read: {}", text.trim_end().escape_debug());
            Error::new(ErrorKind::Format, message)
        })?;
        let (big_endian, dtype) = element_type(&entries.descr).ok_or_else(|| {
            let error = |what: String, remedy: &str| {
                Error::new(ErrorKind::Unsupported, format!("{label}: {what}")).with_remedy(remedy)
            };
            match entries.descr.as_str() {
                "|O" | "O" => error(
                    "holds Python objects (pickled), such as arrays of different shapes, not numbers".into(),
                    "save numbers: numpy.stack(samples).astype('float32') if the samples have one shape, else \
                     numpy.save each in a file of its own, in one folder",
                ),
                descr => error(
                    format!("element type '{descr}'"),
                    "convert the array to a plain number type, such as float32, before saving it",
                ),
            }
        })?;
        Ok(Self { dtype, big_endian, fortran_order: entries.fortran_order, shape: entries.shape, length })
    }

    /// Returns the bytes of all elements.
    pub fn data_length(&self) -> Result<u64> {
        let bytes = element_count(&self.shape)?.checked_mul(self.dtype.size());
        bytes.map(|bytes| bytes as u64).ok_or_else(|| {
            Error::new(ErrorKind::Shape, format!("shape {:?} has too many elements", self.shape))
        })
    }
}

/// Parses an element type such as `<f4`: byte order, kind, bytes.
///
/// NumPy has no bfloat16. The one of ml_dtypes, which JAX and TensorFlow use too, is written as two bytes of
/// kind void (`V2`).
fn element_type(descr: &str) -> Option<(bool, DataType)> {
    let (order, kind) = (descr.get(..1)?, descr.get(1..)?);
    let big_endian = match order {
        "<" | "|" | "=" => false,
        ">" => true,
        _ => return None,
    };
    let dtype = match kind {
        "f2" => DataType::F16,
        "V2" if !big_endian => DataType::Bf16,
        "f4" => DataType::F32,
        "f8" => DataType::F64,
        "i1" => DataType::I8,
        "u1" => DataType::U8,
        "i2" => DataType::I16,
        "u2" => DataType::U16,
        "i4" => DataType::I32,
        "u4" => DataType::U32,
        "i8" => DataType::I64,
        "u8" => DataType::U64,
        "b1" => DataType::Bool,
        _ => return None,
    };
    Some((big_endian, dtype))
}

struct Entries {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

/// The unread rest of the Python dictionary that makes up the header.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    fn entries(mut self) -> Option<Entries> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.symbol('{')?;
        while self.symbol('}').is_none() {
            let key = self.string()?;
            self.symbol(':')?;
            match key {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran_order = Some(self.truth()?),
                "shape" => shape = Some(self.tuple()?),
                _ => return None,
            }
            if self.symbol(',').is_none() {
                self.symbol('}')?;
                break;
            }
        }
        Some(Entries { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }

    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(symbol)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (string, rest) = text[1..].split_once(quote)?;
        self.0 = rest;
        Some(string)
    }

    /// Reads the type code, or the whole list that describes a record.
    fn descr(&mut self) -> Option<String> {
        if !self.0.trim_start().starts_with('[') {
            return self.string().map(str::to_owned);
        }
        let (record, rest) = self.0.trim_start().split_once(']')?;
        self.0 = rest;
        Some(format!("{record}]"))
    }

    fn truth(&mut self) -> Option<bool> {
        let text = self.0.trim_start();
        let (value, rest) = match text.strip_prefix("True") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("False")?),
        };
        self.0 = rest;
        Some(value)
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        self.symbol('(')?;
        let (items, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let items = items.trim();
        let items = items.strip_suffix(',').unwrap_or(items);
        if items.is_empty() {
            return Some(Vec::new());
        }
        items.split(',').map(|item| item.trim().parse().ok()).collect()
    }
}
