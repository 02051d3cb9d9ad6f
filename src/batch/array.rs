//! An array in a file, read a few samples at a time.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::bytes::{ByteRange, Reader};
use super::npy::Header;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// Elements with their type and shape. All of `length` bytes were found to be there, or, where compressed, to
/// be possible, when the array was opened. The file itself is opened again by the first read and closed when
/// the array is dropped: data may lie in more files than a process may have open.
pub(super) struct Array {
    /// File and name, for messages.
    pub label: String,
    pub dtype: DataType,
    pub shape: Vec<usize>,
    length: u64,
    big_endian: bool,
    fortran_order: bool,
    place: ByteRange,
    content: Content,
}

/// What reads have left behind.
enum Content {
    Unread,
    Open(Box<Reader>),
    /// Every element, row-major: in Fortran order a sample's elements lie scattered over the whole file.
    Loaded(Vec<u8>),
}

impl Array {
    /// The array behind a `.npy` header.
    pub fn new(label: String, header: Header, place: ByteRange) -> Result<Self> {
        let length = header.data_length()?;
        let Header { dtype, big_endian, fortran_order, shape, .. } = header;
        let fortran_order = fortran_order && shape.len() > 1;
        let content = Content::Unread;
        Ok(Self { label, dtype, shape, length, big_endian, fortran_order, place, content })
    }

    /// Little-endian elements without a header, which make up the whole file.
    pub fn raw(path: &Path, dtype: DataType, shape: Vec<usize>, length: u64) -> Self {
        Self {
            label: path.display().to_string(),
            dtype,
            shape,
            length,
            big_endian: false,
            fortran_order: false,
            place: ByteRange { path: path.to_owned(), start: 0, deflated: None, header: 0, checksum: None },
            content: Content::Unread,
        }
    }

    /// Opens a `.npy` file and checks its length against its header.
    pub fn open_npy(path: &Path) -> Result<Self> {
        let label = path.display().to_string();
        let failed = |source| Error::io("read", path, source);
        let mut file = File::open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        let header = Header::read(&mut file, &label)?;
        let expected = header.data_length().map_err(|error| too_large(&label, &error))?;
        check_length(&label, &header.shape, header.dtype, expected, found.saturating_sub(header.length))?;
        let place = ByteRange {
            path: path.to_owned(),
            start: 0,
            deflated: None,
            header: header.length,
            checksum: None,
        };
        Self::new(label, header, place)
    }

    /// The whole array.
    pub fn read_all(mut self) -> Result<Tensor> {
        let bytes = self.read(0..self.length)?;
        Tensor::from_bytes(self.dtype, self.shape, &bytes)
    }

    /// The elements' bytes in `range`, little-endian. Ranges ascend from call to call.
    pub fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>> {
        if self.fortran_order && matches!(self.content, Content::Unread) {
            let bytes = self.read_file(0..self.length)?;
            self.content = Content::Loaded(to_row_major(&bytes, &self.shape, self.dtype.size()));
        }
        let mut bytes = match &self.content {
            Content::Loaded(all) => all[range.start as usize..range.end as usize].to_vec(),
            _ => self.read_file(range)?,
        };
        if self.big_endian {
            bytes.chunks_exact_mut(self.dtype.size()).for_each(<[u8]>::reverse);
        }
        if self.dtype == DataType::Bool {
            bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
        Ok(bytes)
    }

    /// Bytes as they are in the file.
    fn read_file(&mut self, range: Range<u64>) -> Result<Vec<u8>> {
        let mut reader = match std::mem::replace(&mut self.content, Content::Unread) {
            Content::Open(reader) => reader,
            _ => Box::new(Reader::open(&self.place).map_err(|source| self.unreadable(source))?),
        };
        let bytes = reader.read(range, self.length).map_err(|source| self.unreadable(source))?;
        self.content = Content::Open(reader);
        Ok(bytes)
    }

    fn unreadable(&self, source: std::io::Error) -> Error {
        use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match source.kind() {
            InvalidData | InvalidInput | UnexpectedEof => {
                Error::new(ErrorKind::Format, format!("{}: damaged or cut off in the data", self.label))
                    .with_source(source)
                    .with_remedy("write the file again")
            }
            _ => Error::io("read", &self.place.path, source),
        }
    }
}

/// Fails unless a file holds as many bytes as its header says.
pub(super) fn check_length(
    label: &str,
    shape: &[usize],
    dtype: DataType,
    expected: u64,
    found: u64,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let problem = if found < expected { "cut off" } else { "longer than its header says" };
    let message = format!("{label}: {problem}: {dtype} {shape:?} needs {expected} bytes, {found} are there");
    Err(Error::new(ErrorKind::Format, message).with_remedy("write the file again"))
}

/// Puts the array's name in front of what is wrong with its shape.
pub(super) fn too_large(label: &str, error: &Error) -> Error {
    Error::new(ErrorKind::Format, format!("{label}: {}", error.message()))
}

/// Reorders elements of `size` bytes so that the last axis varies fastest instead of the first.
fn to_row_major(bytes: &[u8], shape: &[usize], size: usize) -> Vec<u8> {
    let mut ordered = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..bytes.len() / size {
        let source = index.iter().zip(shape).rev().fold(0, |offset, (&i, &dim)| offset * dim + i);
        ordered.extend_from_slice(&bytes[source * size..][..size]);
        for (i, &dim) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < dim {
                break;
            }
            *i = 0;
        }
    }
    ordered
}
